import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'

import { httpGet, type HttpGetOptions } from '../support/http-get.ts'
import { publishNext } from './injecting.ts'
import { SNAPSHOT, startSite, type Site } from './site.ts'

const KEY = Buffer.from('The key of \u00e9:\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n', 'latin1')
const GPG_KEYS = [{ url: 'https://k.example.org/KEY' }, { file: '/k', armored: KEY }] as const

async function read(site: Site, path: string, options: HttpGetOptions = {}) {
  const reply = await httpGet(`${site.url}${path}`, options)
  return { ...reply, text: reply.body.toString() }
}

describe('mirror.repo', () => {
  test('is a section for a snapshot, and for what moves, as the configuration has it now', async (t) => {
    const site = await startSite(t, { mirror: { gpgKeys: GPG_KEYS } })
    const { text, headers } = await read(site, `${site.base}mirror.repo`)
    assert.equal(
      text,
      `[m]\nname=m ${SNAPSHOT}\nbaseurl=${site.url}/repos/yum/m/${SNAPSHOT}\nenabled=1\ngpgcheck=1\n` +
        `gpgkey=https://k.example.org/KEY\n       ${site.url}/repos/yum/m/RPM-GPG-KEY\n`,
    )
    const { 'content-type': type, 'cache-control': caching, etag = '' } = headers
    assert.deepEqual([type, caching, headers['x-cache']], ['text/plain; charset=utf-8', 'no-cache', 'hit'])
    assert.equal(headers['x-pinyon-snapshot'], SNAPSHOT)
    const same = await read(site, `${site.base}mirror.repo`, { headers: { 'If-None-Match': etag } })
    assert.deepEqual([same.status, same.text, same.headers.etag], [304, '', etag])
    const head = await read(site, `${site.base}mirror.repo`, { method: 'HEAD' })
    assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', String(text.length)])
    const rolling = await read(site, '/repos/yum/m/latest/mirror.repo')
    const expected = text.replace(` ${SNAPSHOT}`, '').replace(`/m/${SNAPSHOT}\n`, '/m/latest/\n')
    assert.equal(rolling.text, expected)
  })

  test('has the name that the server is asked by, or its configured one', async (t) => {
    const site = await startSite(t)
    const asked = await read(site, `${site.base}mirror.repo`, { headers: { host: 'h.example.org:81' } })
    assert.match(asked.text, /^baseurl=http:\/\/h\.example\.org:81\/repos\/yum\/m\//m)
    const refused = await read(site, `${site.base}mirror.repo`, { headers: { host: 'a\tb]' } })
    assert.equal(refused.status, 400)
    const behind = await startSite(t, { publicUrl: 'https://m.example.org/p' })
    assert.match(
      (await read(behind, `${behind.base}mirror.repo`)).text,
      /^baseurl=https:\/\/m\.example\.org\/p\//m,
    )
  })

  test('is only where a snapshot is', async (t) => {
    const site = await startSite(t, { others: ['none'] })
    for (const path of [
      'm/mirror.repo',
      'm/base/mirror.repo',
      'm/2001-01-01-00-00/mirror.repo',
      `m/${SNAPSHOT}/repodata/mirror.repo`,
      `m/${SNAPSHOT}/mirror.repo/`,
      `m/latest/mirror.repo/x`,
      'x/latest/mirror.repo',
    ])
      assert.equal((await read(site, `/repos/yum/${path}`)).status, 404, path)
    assert.equal((await read(site, '/repos/yum/none/latest/mirror.repo')).status, 503)
  })

  test('is never of the repository itself, which would say what clients check it by', async (t) => {
    const content = Buffer.from('[theirs]\ngpgcheck=0\n')
    const site = await startSite(t, { packages: [{ name: 'p', href: 'mirror.repo', content }] })
    const next = await publishNext(site)
    for (const view of [SNAPSHOT, next, 'latest'])
      assert.match((await read(site, `/repos/yum/m/${view}/mirror.repo`)).text, /^\[m\]\n/)
  })
})

describe('RPM-GPG-KEY', () => {
  test('is what the key files held, byte for byte', async (t) => {
    const site = await startSite(t, { mirror: { gpgKeys: GPG_KEYS } })
    const { body, headers, status } = await read(site, '/repos/yum/m/RPM-GPG-KEY')
    assert.deepEqual([status, body], [200, Buffer.concat([KEY, Buffer.from('\n')])])
    assert.deepEqual(
      [headers['content-type'], headers['cache-control']],
      ['application/pgp-keys', 'no-cache'],
    )
    const { etag = '' } = headers
    const same = await read(site, '/repos/yum/m/RPM-GPG-KEY', { headers: { 'If-None-Match': etag } })
    assert.equal(same.status, 304)
  })

  test('is not there where no key is a file of this server', async (t) => {
    const site = await startSite(t, { mirror: { gpgKeys: [{ url: 'https://k/' }] } })
    for (const mirror of ['m', 'x']) {
      const { status, headers } = await read(site, `/repos/yum/${mirror}/RPM-GPG-KEY`)
      assert.equal(status, 404)
      assert.match(String(headers['x-pinyon-reason']), /names no gpgkey with a file: URL for: [mx]$/)
    }
  })
})

describe('/client.sh', () => {
  test('is the script with its server in it', async (t) => {
    const site = await startSite(t)
    const written = readFileSync(new URL('../../src/inject/client.sh', import.meta.url), 'utf8')
    const { text, headers, status } = await read(site, '/client.sh')
    assert.equal(status, 200)
    const line = `PINYON_SERVER=\${PINYON_SERVER:-'${site.url}'}`
    assert.equal(
      text,
      written.replace(/^PINYON_SERVER=.*$/m, () => line),
    )
    const { 'content-type': type, 'cache-control': caching, etag = '' } = headers
    assert.deepEqual([type, caching], ['text/x-shellscript', 'no-cache'])
    const same = await read(site, '/client.sh', { headers: { 'If-None-Match': etag } })
    assert.equal(same.status, 304)
    const head = await read(site, '/client.sh', { method: 'HEAD' })
    assert.deepEqual([head.text, head.headers['content-length']], ['', String(text.length)])
    const behind = await startSite(t, { publicUrl: 'https://m.example.org/p' })
    assert.match(
      (await read(behind, '/client.sh')).text,
      /^PINYON_SERVER=\$\{PINYON_SERVER:-'https:\/\/m\.example\.org\/p'\}$/m,
    )
  })

  test('is refused by a name that could not stand in it', async (t) => {
    const site = await startSite(t)
    for (const host of ["h'; id; '", 'h$(id)', '`id`', 'a b'])
      assert.equal((await read(site, '/client.sh', { headers: { host } })).status, 400, host)
    assert.equal((await read(site, '/client.sh/x')).status, 404)
    assert.equal((await read(site, '/client.sh', { method: 'POST' })).status, 405)
  })
})

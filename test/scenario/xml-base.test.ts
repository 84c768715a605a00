import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'

import type { MirrorConfig } from '../../src/config/config.ts'
import { readIndex } from '../../src/cli/inject/index-source.ts'
import { injectConfig } from '../../src/inject/inject.ts'
import { digestOf } from '../../src/model/digest.ts'
import { parseRepomd } from '../../src/repodata/repomd.ts'
import { formatElement, formatPrimary } from '../snapshot/primary-text.ts'
import { DnfRoot } from '../support/dnf.ts'
import { Gpg } from '../support/gpg.ts'
import { httpGet } from '../support/http-get.ts'
import { needsLonelyNetwork, openLonelyNetwork } from '../support/lonely-network.ts'
import { writeRepodata } from '../support/repodata-files.ts'
import { mustRun } from '../support/run-command.ts'
import { buildRpms } from '../support/rpm.ts'
import { startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'

// Repositories whose metadata send clients to other servers for their packages.

const TOOLS = needs('dnf', 'rpmbuild', 'createrepo_c', 'gpg', 'root')
const NETWORK = TOOLS.skip === false ? needsLonelyNetwork() : TOOLS

/** A repository whose packages are on another server, as createrepo_c's own `--baseurl` writes it. */
async function startBased(t: TestContext, settings: (elsewhere: string) => Partial<MirrorConfig>) {
  const dir = tempDir(t)
  const packages = join(dir, 'packages')
  await buildRpms([{ name: 'app', requires: ['lib'] }, { name: 'lib' }], packages)
  const elsewhere = await startUpstream(t, packages)
  const repository = join(dir, 'repository')
  mkdirSync(repository)
  const createrepo = ['--quiet', '--database', `--baseurl=${elsewhere.url}`, `--outputdir=${repository}`]
  await mustRun('createrepo_c', [...createrepo, packages])
  const repomd = join(repository, 'repodata/repomd.xml')
  const upstream = await startUpstream(t, repository)
  const start = async () => {
    const farm = await startApp(t, {
      mirrors: { m: { baseurls: [upstream.url], ...settings(elsewhere.url) } },
    })
    await farm.sync('m')
    return farm
  }
  return { dir, elsewhere, repository, repomd, upstream, start }
}

interface MirrorBody {
  readonly xml_base: string | null
  readonly current: string
}

async function readMirror(url: string): Promise<MirrorBody> {
  return JSON.parse((await httpGet(`${url}/api/v1/mirrors/m`)).body.toString()) as MirrorBody
}

test(
  'dnf installs from a repository whose packages are elsewhere, with nothing but this server to reach',
  NETWORK,
  async (t) => {
    const { elsewhere, upstream, repomd, start } = await startBased(t, (url) => ({ xmlBases: [url] }))
    const farm = await start()
    const baseurl = await farm.current('m')
    const { prefix } = await openLonelyNetwork(t, Number(new URL(farm.url).port))
    const root = new DnfRoot(tempDir(t), [{ id: 'm', baseurl }], prefix)
    const installed = await root.install('app')
    assert.equal(installed.code, 0, installed.stderr)
    assert.deepEqual(await root.installed(), ['app-1.0-1.noarch', 'lib-1.0-1.noarch'])
    assert.equal(elsewhere.count(/\.rpm$/), 2)
    assert.equal(upstream.count(/\.rpm$/), 0)
    const served = parseRepomd((await httpGet(`${baseurl}/repodata/repomd.xml`)).body)
    const before = parseRepomd(readFileSync(repomd))
    const types = served.records.map(({ type }) => type)
    assert.ok(before.records.some(({ type }) => type === 'primary_db') && !types.includes('primary_db'))
    assert.ok(types.includes('filelists_db'))
    const [primary] = served.records.filter(({ type }) => type === 'primary')
    const { body } = await httpGet(`${baseurl}/${primary?.href}`)
    assert.deepEqual(
      [digestOf(body), body.length, digestOf(gunzipSync(body)), gunzipSync(body).length],
      [primary?.checksum, primary?.size, primary?.openChecksum, primary?.openSize],
    )
    assert.equal(served.newestTimestamp, before.newestTimestamp)
    assert.equal((await readMirror(farm.url)).xml_base, 'rewritten')
    const index = await httpGet(`${farm.url}/repos/yum/all_latest.json`)
    assert.equal(index.headers['x-pinyon-elsewhere'], undefined)
    assert.equal((await farm.app.sync('m')).outcome, 'unchanged')
  },
)

/** Whoever injects is told, by the server or by the command. */
async function checkInjection(url: string): Promise<void> {
  const config = '[other]\nbaseurl=http://o/\n[m]\nbaseurl=http://x/\n'
  const warning = /the signed metadata of m send clients to another server for packages/
  const reply = await fetch(`${url}/repos/inject?output=report`, { method: 'POST', body: config })
  assert.equal(reply.headers.get('x-pinyon-elsewhere'), 'm')
  assert.match(await reply.text(), new RegExp(`^warning\t3\t${warning.source}`, 'm'))
  const none = await fetch(`${url}/repos/inject`, { method: 'POST', body: '[other]\nbaseurl=http://o/\n' })
  assert.equal(none.headers.get('x-pinyon-elsewhere'), null)
  const map = await readIndex(`${url}/repos/yum/all_latest.json`, assert.fail)
  const { warnings } = injectConfig(Buffer.from(config), 'yum', map)
  assert.deepEqual(
    warnings.map(({ line, text }) => [line, warning.test(text)]),
    [[3, true]],
  )
}

test('signed metadata stay as they are, and the server says so', NETWORK, async (t) => {
  const { dir, elsewhere, repomd, start } = await startBased(t, () => ({}))
  const gpg = Gpg.create(t)
  const key = await gpg.generate('Own <own@example.org>')
  writeFileSync(`${repomd}.asc`, await gpg.sign(readFileSync(repomd), { keys: [key] }))
  const farm = await start()
  const baseurl = await farm.current('m')
  assert.deepEqual((await httpGet(`${baseurl}/repodata/repomd.xml`)).body, readFileSync(repomd))
  const { xml_base: xmlBase, current } = await readMirror(farm.url)
  assert.equal(xmlBase, 'left')
  assert.equal((await httpGet(`${farm.url}/repos/yum/all_latest.json`)).headers['x-pinyon-elsewhere'], 'm')
  await checkInjection(farm.url)
  const snapshot = await httpGet(`${farm.url}/api/v1/mirrors/m/snapshots/${current}`)
  assert.match(snapshot.body.toString(), /"kind":"base","message":"2 packages have an xml:base/)
  // Whoever is kept here finds the metadata right and signed, and no package.
  const { prefix } = await openLonelyNetwork(t, Number(new URL(farm.url).port))
  writeFileSync(join(dir, 'KEY'), await gpg.export([key]))
  const extra = { repo_gpgcheck: '1', gpgkey: `file://${join(dir, 'KEY')}` }
  const root = new DnfRoot(tempDir(t), [{ id: 'm', baseurl, extra }], prefix)
  assert.notEqual((await root.install('app')).code, 0)
  assert.deepEqual(
    [(await root.repoquery('app')).stdout.trim(), elsewhere.count()],
    ['app-0:1.0-1.noarch', 0],
  )
})

/** Two packages of one href, each at a base of its own; files by the path of each server. */
async function startTwins(t: TestContext, settings: (a: string, b: string) => Partial<MirrorConfig>) {
  const dirs = [tempDir(t), tempDir(t), tempDir(t)]
  const [own = '', a = '', b = ''] = dirs
  const servers = await Promise.all(dirs.map((dir) => startUpstream(t, dir)))
  const [upstream, first, second] = servers
  if (upstream === undefined || first === undefined || second === undefined)
    throw new Error('three were started')
  const bytes = [Buffer.from('of the first'), Buffer.from('of the second!')] as const
  writeFileSync(join(a, 'x.rpm'), bytes[0])
  writeFileSync(join(b, 'x.rpm'), bytes[1])
  const elements = [first.url, second.url].map((base, index) =>
    formatElement(`p${index}`, { href: 'x.rpm', base })
      .replace('0'.repeat(64), digestOf(bytes[index] ?? '').slice(7))
      .replace('package="1"', `package="${bytes[index]?.length}"`),
  )
  writeRepodata(own, [{ type: 'primary', content: formatPrimary(elements) }])
  const farm = await startApp(t, {
    mirrors: { m: { baseurls: [upstream.url], ...settings(first.url, second.url) } },
  })
  await farm.sync('m')
  const base = await farm.current('m')
  const hrefs = [first.url, second.url].map((url) => `_base/${Buffer.from(url).toString('base64url')}/x.rpm`)
  const get = (index: number) => httpGet(`${base}/${hrefs[index]}`)
  return { own, upstream, first, second, bytes, farm, base, hrefs, get }
}

describe('a package that is said to be elsewhere', () => {
  test('comes from there where that is allowed, though another one has its very href', async (t) => {
    const { get, bytes, upstream } = await startTwins(t, (a, b) => ({ xmlBases: [a, b] }))
    for (const [index, expected] of bytes.entries()) {
      const { status, body } = await get(index)
      assert.deepEqual([status, body], [200, expected])
    }
    assert.equal(upstream.count(/rpm/), 0)
  })

  test('comes from its mirror otherwise, or from a fallback, and the other server hears nothing', async (t) => {
    const { get, bytes, first, second, own } = await startTwins(t, (_, b) => ({ fallbacks: [b] }))
    writeFileSync(join(own, 'x.rpm'), bytes[0])
    assert.deepEqual((await get(0)).body, bytes[0])
    assert.deepEqual((await get(1)).body, bytes[1])
    assert.deepEqual([first.count(), second.count()], [0, 1])
  })

  test('comes from another directory of its mirror’s own server without being allowed', async (t) => {
    const dir = tempDir(t)
    const upstream = await startUpstream(t, dir)
    const bytes = Buffer.from('beside it')
    const element = formatElement('p', { href: 'x.rpm', base: `${upstream.url}pool/a%20b` })
      .replace('0'.repeat(64), digestOf(bytes).slice(7))
      .replace('package="1"', `package="${bytes.length}"`)
    writeRepodata(join(dir, 'os'), [{ type: 'primary', content: formatPrimary([element]) }])
    await mustRun('mkdir', ['-p', join(dir, 'pool/a b')])
    writeFileSync(join(dir, 'pool/a b/x.rpm'), bytes)
    const farm = await startApp(t, { mirrors: { m: `${upstream.url}os/` } })
    await farm.sync('m')
    const path = `_base/${Buffer.from(`${upstream.url}pool/a%20b/`).toString('base64url')}/x.rpm`
    assert.deepEqual((await httpGet(`${await farm.current('m')}/${path}`)).body, bytes)
  })

  test('is had through two of us', async (t) => {
    const { farm, bytes, hrefs, base } = await startTwins(t, (a, b) => ({ xmlBases: [a, b] }))
    const outer = await startApp(t, { mirrors: { m: `${farm.url}/repos/yum/m/latest/` } })
    await outer.sync('m')
    const current = await outer.current('m')
    for (const [index, expected] of bytes.entries())
      assert.deepEqual((await httpGet(`${current}/${hrefs[index]}`)).body, expected)
    assert.deepEqual(
      (await httpGet(`${current}/repodata/repomd.xml`)).body,
      (await httpGet(`${base}/repodata/repomd.xml`)).body,
    )
  })

  test('is in the same bytes for the same ones upstream, and in no new snapshot while those stay', async (t) => {
    const one = await startTwins(t, () => ({}))
    const repomd = (await httpGet(`${one.base}/repodata/repomd.xml`)).body
    const again = await startApp(t, { mirrors: { m: one.upstream.url } })
    await again.sync('m')
    assert.deepEqual((await httpGet(`${await again.current('m')}/repodata/repomd.xml`)).body, repomd)
    assert.equal((await one.farm.app.sync('m')).outcome, 'unchanged')
  })
})

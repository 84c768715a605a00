import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'

import Database from 'better-sqlite3'

import { httpGet } from '../support/http-get.ts'
import { DEMO_MIRRORS } from './demo-mirrors.ts'
import { DEMO_TOKEN, startDemoFarm, type DemoFarm } from './demo-farm.ts'

const MIRROR = 'centos-stream-9-appstream'
const HOSTILE = `<img src=x onerror="alert(1)">'\u202e&`

/** Every page, of the snapshots that a mirror has. */
async function pathsOf({ url }: DemoFarm): Promise<string[]> {
  const answer = await fetch(`${url}/api/v1/mirrors/${MIRROR}/snapshots`)
  const { snapshots } = (await answer.json()) as { snapshots: { name: string; current: boolean }[] }
  const newest = snapshots[0]?.name
  const current = snapshots.find((one) => one.current)?.name
  return [
    '/',
    '/?show=look&sort=risk',
    `/mirrors/${MIRROR}`,
    '/mirrors/ovirt-master-snapshot-el9',
    '/mirrors/glusterfs-11-el9',
    '/mirrors/fedora-branched-fc44',
    `/mirrors/${MIRROR}/snapshots`,
    `/mirrors/${MIRROR}/snapshots/${newest}?q=podman`,
    `/mirrors/${MIRROR}/snapshots/${current}?state=at_risk`,
    `/mirrors/${MIRROR}/diff`,
    `/mirrors/${MIRROR}/packages/podman`,
    `/mirrors/${MIRROR}/packages?q=img`,
    '/generations?at=2026-03-12T18:00Z',
    '/generations/4700',
    '/usage',
    `/usage/${MIRROR}`,
    '/views',
    `/setup?mirror=${MIRROR}`,
    '/activity',
    `/activity?mirror=${MIRROR}&result=failed`,
    '/search?q=podman',
  ]
}

/** When a mirror's page says that upstream was looked at. */
function checkedAt(text: string): string | undefined {
  return /checked <time [^>]*datetime="([^"]+)"/.exec(text)?.[1]
}

describe('the pages', () => {
  test('are there, guarded, and compressed for who takes that', async (t) => {
    const farm = await startDemoFarm(t)
    for (const path of await pathsOf(farm)) {
      const { status, headers, body } = await httpGet(`${farm.url}${path}`)
      const text = body.toString()
      assert.equal(status, 200, path)
      assert.equal(headers['content-type'], 'text/html; charset=utf-8')
      assert.match(
        String(headers['content-security-policy']),
        /^default-src 'none'; .*frame-ancestors 'none'$/,
      )
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.equal(headers['set-cookie'], undefined)
      assert.equal(headers['access-control-allow-origin'], undefined)
      assert.doesNotMatch(
        text,
        /\son\w+=|\sstyle=|<style|javascript:|<script(?! src="\/assets\/(?:ui|write)\.[0-9a-f]{12}\.js" defer>)/,
      )
      assert.doesNotMatch(text, /(?:src|href|action)="(?:https?:)?\/\//)
      assert.equal(text.match(/<h1[ >]/g)?.length, 1, path)
      const zipped = await httpGet(`${farm.url}${path}`, { headers: { 'Accept-Encoding': 'br, gzip' } })
      assert.equal(gunzipSync(zipped.body).toString(), text, path)
      const etag = String(zipped.headers.etag)
      assert.notEqual(etag, headers.etag)
      const again = await httpGet(`${farm.url}${path}`, {
        headers: { 'Accept-Encoding': 'gzip', 'If-None-Match': etag },
      })
      assert.equal(again.status, 304, path)
    }
    const addresses = await httpGet(`${farm.url}/usage/${MIRROR}`)
    assert.match(addresses.body.toString(), /10\.20\.1\.0\/24/)
    assert.doesNotMatch(addresses.body.toString(), /10\.20\.1\.1\d/)
    assert.equal(addresses.headers['cache-control'], 'no-store')
  })

  test('name the same as JSON, but for lines to copy and what is searched everywhere', async (t) => {
    const farm = await startDemoFarm(t)
    for (const path of await pathsOf(farm)) {
      const { body } = await httpGet(`${farm.url}${path}`)
      const json = /<a href="([^"]+)">This page as JSON/.exec(body.toString())?.[1]?.replaceAll('&amp;', '&')
      assert.equal(json === undefined, /^\/(?:setup|search)\?/.test(path), path)
      if (json === undefined) continue
      const { status, headers } = await httpGet(`${farm.url}${json}`)
      assert.deepEqual([status, headers['content-type']], [200, 'application/json'], json)
    }
  })

  test('put packages of one source together, in what differs and in what was found', async (t) => {
    const farm = await startDemoFarm(t)
    const paths = await pathsOf(farm)
    const read = async (end: string) => {
      const { body } = await httpGet(`${farm.url}${paths.find((path) => path.endsWith(end))}`)
      return body
        .toString()
        .replace(/<[^>]*>/g, ' ')
        .replace(/\s+/g, ' ')
    }
    assert.match(
      await read('/diff'),
      / ([a-z]+) 5\.\d+\.0-\d\.el9 → 5\.\d+\.0-\d\.el9 \d packages \1 \.x86_64 \1-\w+ \.x86_64 /,
    )
    assert.match(
      await read('?q=podman'),
      / podman 5\.\d+\.0-\d\.el9 source of 2 packages here podman-\S+ rpm /,
    )
  })

  test('show what others have written as text', async (t) => {
    const farm = await startDemoFarm(t)
    const database = new Database(join(farm.app.config.dataDir, 'pinyon.db'))
    const columns = {
      mirror: ['error', 'pin_why'],
      package: ['name', 'version', 'release', 'arch', 'source'],
      snapshot: ['revision'],
      generation: ['actor', 'why'],
      sync_check: ['reason', 'actor'],
      lost_package: ['answers'],
    }
    for (const [table, names] of Object.entries(columns))
      for (const name of names) {
        const where = table === 'package' ? " WHERE name LIKE 'podman%' OR name LIKE 'leftover%'" : ''
        const end = table === 'package' && name !== 'name' ? " WHERE name LIKE '<img%'" : where
        database.prepare(`UPDATE ${table} SET ${name} = ?${end}`).run(HOSTILE)
      }
    database.prepare('UPDATE client_usage SET client = client || ?, agent = ?').run(HOSTILE, HOSTILE)
    database.prepare("INSERT INTO defect SELECT id, ?, 'size', ? FROM snapshot").run(HOSTILE, HOSTILE)
    database.prepare("REPLACE INTO snapshot_fetch SELECT id, '', ?, 1, 1, 1, 1 FROM snapshot").run(HOSTILE)
    database
      .prepare(`INSERT INTO snapshot_signature SELECT id, '', ?, ?, ?, ?, 1, 1 FROM snapshot`)
      .run(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    database
      .prepare(
        'INSERT INTO view (name, generation, created_at, client, ttl_ms, expires_at) VALUES (?, 4800, 1, ?, 9, 9e15)',
      )
      .run(HOSTILE, HOSTILE)
    database.close()
    let shown = 0
    const query = encodeURIComponent(HOSTILE)
    const more = [
      `/mirrors/${MIRROR}/packages/${query}`,
      `/search?q=${query}`,
      `/?q=${query}`,
      `/views?q=${query}`,
    ]
    for (const path of [...(await pathsOf(farm)), ...more]) {
      const text = (await httpGet(`${farm.url}${path}`)).body.toString()
      assert.equal(/<img|"alert\(|\u202e/.exec(text)?.[0], undefined, path)
      if (text.includes('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&#39;\\u202e&amp;')) shown += 1
    }
    assert.ok(shown >= 12, `it is shown on so many pages: ${shown}`)
    const missing = await httpGet(`${farm.url}/mirrors/${query}`)
    assert.equal(missing.status, 404)
    assert.doesNotMatch(missing.body.toString(), /<img/)
  })

  test('of a farm of 1,000 mirrors are small', async (t) => {
    const [one] = DEMO_MIRRORS
    assert.ok(one)
    const mirrors = Array.from({ length: 1_000 }, (_, at) => ({
      ...one,
      name: `mirror-with-a-name-${at}`,
      packages: 9,
      everyHours: 24,
      snapshots: 0,
      hosts: 0,
    }))
    const farm = await startDemoFarm(t, { mirrors })
    const headers = { 'Accept-Encoding': 'gzip' }
    const page = await httpGet(`${farm.url}/`, { headers })
    const html = gunzipSync(page.body).toString()
    assert.match(html, /All 1000/)
    assert.equal(html.match(/class="rbc"/g)?.length, 100)
    const assets = [...html.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '')
    assert.equal(assets.length, 3)
    let total = page.body.length
    for (const path of assets) {
      const asset = await httpGet(`${farm.url}${path}`, { headers })
      assert.equal(asset.headers['cache-control'], 'public, max-age=31536000, immutable')
      total += asset.body.length
    }
    assert.ok(total < 60_000, `bytes over the wire: ${total}`)
  })

  test('of a usual farm take 60 KB to be seen, uncompressed as well', async (t) => {
    const farm = await startDemoFarm(t, { hasTraffic: true, isStarting: true })
    const html = (await httpGet(`${farm.url}/`)).body.toString()
    let total = html.length
    const assets = [...html.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '')
    assert.equal(assets.length, 3)
    for (const path of assets) {
      const { length } = (await httpGet(`${farm.url}${path}`)).body
      assert.ok(length <= (path.endsWith('.css') ? 20_000 : 8_000), `${path}: ${length} bytes`)
      total += length
    }
    assert.ok(total <= 60 * 1024, `bytes: ${total}`)
  })

  test('show at once what somebody has done', async (t) => {
    const farm = await startDemoFarm(t)
    const path = `/mirrors/${MIRROR}`
    const read = async () => (await httpGet(`${farm.url}${path}`)).body.toString()
    const write = async (method: string, what: string, body = '{}') => {
      const headers = { authorization: `Bearer ${DEMO_TOKEN}` }
      const answer = await fetch(`${farm.url}/api/v1/mirrors/${MIRROR}/${what}`, { method, headers, body })
      const text = await answer.text()
      assert.equal(answer.status, 200, text)
    }
    assert.match(await read(), /class="callout"/)
    await write('DELETE', 'pin')
    assert.doesNotMatch(await read(), /class="callout"/)
    const body = JSON.stringify({ snapshot: '2026-03-10-15-52', why: 'seen at once' })
    await write('PUT', 'pin', body)
    assert.match(await read(), /seen at once/)
    const changes = async () => (await httpGet(`${farm.url}/generations`)).body.toString()
    assert.match(await changes(), /pin<[^]{0,200}“seen at once”/)
    const before = checkedAt(await read())
    farm.later(60_000)
    await write('POST', 'sync')
    assert.notEqual(checkedAt(await read()), before)
    // So does what nobody asked this server for.
    farm.later(60_000)
    const [last, ended] = [checkedAt(await read()), farm.app.sync(MIRROR)]
    await ended
    assert.notEqual(checkedAt(await read()), last)
    // Before there is news, after its capture, and once more: changes of the configuration have had nothing else looked at.
    assert.equal(farm.upstream.count(/repomd\.xml$/), 3)
  })

  test('that are not there say so as pages, files as text', async (t) => {
    const farm = await startDemoFarm(t)
    for (const path of [
      '/mirrors/none',
      `/mirrors/${MIRROR}/snapshots/2020-01-01-00-00`,
      '/generations/99999',
    ]) {
      const { status, headers, body } = await httpGet(`${farm.url}${path}`)
      assert.equal(status, 404)
      assert.equal(headers['cache-control'], 'no-store')
      assert.match(body.toString(), /<h1>There is no such page<\/h1>/)
    }
    assert.equal((await httpGet(`${farm.url}/generations/x`)).status, 400)
    assert.equal((await httpGet(`${farm.url}/assets/ui.000000000000.css`)).status, 404)
    const nothing = await httpGet(`${farm.url}/nothing`)
    assert.deepEqual([nothing.status, nothing.body.toString()], [404, 'there is nothing at: /nothing\n'])
    const head = await fetch(`${farm.url}/`, { method: 'HEAD' })
    assert.deepEqual([head.status, (await head.text()).length], [200, 0])
  })

  test('set nobody up with another mirror than the one that was asked for', async (t) => {
    const farm = await startDemoFarm(t)
    const read = async (query: string) => (await httpGet(`${farm.url}/setup${query}`)).body.toString()
    assert.match(await read(''), /setup\.repo\?mirror=almalinux-9-appstream&amp;at=current/)
    assert.match(await read('?mirror=rocky-9-baseos'), /setup\.repo\?mirror=rocky-9-baseos&amp;at=current/)
    // One that there is not, that has no snapshot yet, or that means something in markup.
    for (const name of ['rocky-9-base', 'fedora-branched-fc44', HOSTILE]) {
      const text = await read(`?mirror=${encodeURIComponent(name)}`)
      assert.match(text, /role="alert">No such mirror in what jobs get, (?:perhaps|there are) /, name)
      assert.doesNotMatch(text, /setup\.repo\?mirror=|<img/, name)
    }
    assert.match(await read('?mirror=rocky-9-base'), /perhaps rocky-9-baseos is meant/)
  })

  test('have addresses below the path of public_url', async (t) => {
    const farm = await startDemoFarm(t, { publicUrl: 'https://example.org/mirrors' })
    const text = (await httpGet(`${farm.url}/`)).body.toString()
    const paths = [...text.matchAll(/(?:href|src|action)="(\/[^"]*)"/g)].map(([, path]) => path ?? '')
    assert.deepEqual(
      paths.filter((path) => !path.startsWith('/mirrors/')),
      [],
    )
    assert.match(text, /CI_MIRRORS_URL=https:/)
  })

  test('have no buttons where nobody may write', async (t) => {
    const farm = await startDemoFarm(t, { hasTokens: false })
    for (const path of ['/', `/mirrors/${MIRROR}`, '/views'])
      assert.doesNotMatch((await httpGet(`${farm.url}${path}`)).body.toString(), /data-write|id="write"/)
  })
})

describe('/setup.repo', () => {
  test('is a file for yum, dnf and zypper', async (t) => {
    const farm = await startDemoFarm(t)
    const read = async (query: string) => (await httpGet(`${farm.url}/setup.repo?${query}`)).body.toString()
    const name = 'rocky-9-baseos'
    assert.equal(
      await read(`mirror=${name}`),
      `[${name}]\nname=${name} 2026-03-16-10-52\nbaseurl=${farm.url}/repos/yum/${name}/2026-03-16-10-52\nenabled=1\n`,
    )
    assert.match(
      await read(`mirror=${name}&at=rolling`),
      new RegExp(`baseurl=${farm.url}/repos/yum/${name}/latest/\n`),
    )
    assert.match(await read(`mirror=${name}&at=generation:4700`), /baseurl=.*\/2026-03-/)
    const all = await read('')
    assert.equal(all.match(/^\[/gm)?.length, DEMO_MIRRORS.length - 1)
    const unready = DEMO_MIRRORS.map((one) => one.name).find((one) => !all.includes(`[${one}]`))
    const queries = ['mirror=none', 'at=yesterday', 'at=generation:99999', `mirror=${unready}&at=rolling`]
    const answers = queries.map((query) => httpGet(`${farm.url}/setup.repo?${query}`))
    assert.deepEqual(
      (await Promise.all(answers)).map(({ status }) => status),
      [404, 400, 404, 503],
    )
  })
})

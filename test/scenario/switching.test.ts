import assert from 'node:assert/strict'
import { test } from 'node:test'

import { extent } from '../support/extent.ts'
import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

const PUBLISHES = extent({ full: 200, slice: 30 })
const MINUTE_MS = 60_000
const START_MS = Date.UTC(2026, 0, 1)

interface Indexes {
  readonly generation: number
  readonly latest: Readonly<Record<string, string>>
}

test(`readers during ${PUBLISHES} publishes see whole indexes only, never a step back, and every URL answers`, async (t) => {
  const upstreams = await Promise.all(
    ['a', 'b'].map(async (name) => {
      const dir = tempDir(t)
      writeSyntheticRepository(dir, { packages: [{ name: `${name}-0`, content: 100 }] })
      return { name, dir, upstream: await startUpstream(t, dir) }
    }),
  )
  let nowMs = START_MS
  const mirrors = Object.fromEntries(upstreams.map(({ name, upstream }) => [name, upstream.url]))
  const { url, sync, app } = await startApp(t, { mirrors, now: () => nowMs, threads: true })
  for (const { name } of upstreams) await sync(name)
  let publishing = true
  let reads = 0
  const reader = async () => {
    let last: Indexes = { generation: 0, latest: {} }
    while (publishing) {
      const seen = await readIndexes(url)
      for (const [mirror, snapshot] of Object.entries(seen.latest))
        assert.ok(
          snapshot >= (last.latest[mirror] ?? ''),
          `${mirror} went back from ${last.latest[mirror]} to ${snapshot}`,
        )
      last = seen
      reads += 1
    }
  }
  const readers = [reader(), reader(), reader()]
  for (let round = 1; round <= PUBLISHES; round += 1) {
    const turn = upstreams[round % upstreams.length]
    assert.ok(turn !== undefined)
    writeSyntheticRepository(turn.dir, { packages: [{ name: `${turn.name}-${round}`, content: 100 }] })
    nowMs += MINUTE_MS
    assert.equal((await sync(turn.name)).outcome, 'published')
  }
  publishing = false
  await Promise.all(readers)
  assert.ok(reads > 20, `only ${reads} reads happened`)
  const { generation } = await app.store.index()
  assert.equal(generation, PUBLISHES + 2, 'one generation a publish')
})

/** Reads all four formats and each latest.txt, checks that they parse and agree, and that what they name is there. */
async function readIndexes(url: string): Promise<Indexes> {
  for (;;) {
    const json = await read(url, 'all_latest.json')
    const [yaml, py, html] = await Promise.all(
      ['yaml', 'py', 'html'].map((format) => read(url, `all_latest.${format}`)),
    )
    const parsed = (JSON.parse(json) as { latest_ci_repos: Record<string, string> }).latest_ci_repos
    assert.deepEqual(Object.keys(parsed), ['a', 'b'])
    const lines = /^---\nlatest_ci_repos:\n((?: {2}\w: '[^']+'\n)+)$/.exec(yaml ?? '')?.[1] ?? ''
    const fromYaml = Object.fromEntries(
      [...lines.matchAll(/ {2}(\w): '([^']+)'/g)].map(([, key, value]) => [key, value]),
    )
    const fromPy = Object.fromEntries(
      [...(py ?? '').matchAll(/ {4}'(\w)': '([^']+)',/g)].map(([, key, value]) => [key, value]),
    )
    const fromHtml = Object.fromEntries(
      [...(html ?? '').matchAll(/<td>(\w)<\/td> <td>([^<]+)</g)].map(([, key, value]) => [key, value]),
    )
    const texts = await Promise.all(
      ['a', 'b'].map(async (name) => [name, (await read(url, `${name}/latest.txt`)).trimEnd()] as const),
    )
    const again = await read(url, 'all_latest.json')
    // A publish between two of these requests is no mix; only what was read within one generation can be compared.
    if (again !== json) continue
    assert.deepEqual(fromYaml, parsed)
    assert.deepEqual(fromPy, parsed)
    assert.deepEqual(fromHtml, parsed)
    for (const [name, snapshot] of texts) assert.equal(parsed[name], `${url}/repos/yum/${name}/${snapshot}`)
    for (const target of Object.values(parsed))
      assert.equal((await httpGet(`${target}/repodata/repomd.xml`)).status, 200)
    return { generation: 0, latest: Object.fromEntries(texts) }
  }
}

async function read(url: string, path: string): Promise<string> {
  const reply = await httpGet(`${url}/repos/yum/${path}`)
  assert.equal(reply.status, 200)
  assert.ok(reply.complete)
  return reply.body.toString()
}

const packagesAt = (round: number) => [{ name: 'stays' }, { name: 'moves', version: `1.${round}` }]

test('50 snapshots later the first one answers with the same bytes and headers', async (t) => {
  const dir = tempDir(t)
  const first = writeSyntheticRepository(dir, { packages: packagesAt(0) })
  const upstream = await startUpstream(t, dir)
  let nowMs = START_MS
  const { current, sync } = await startApp(t, { mirrors: { m: upstream.url }, now: () => nowMs })
  await sync('m')
  const snapshot = await current('m')
  const paths = [
    'repodata/repomd.xml',
    ...first.records.map(({ href }) => href),
    ...first.packages.map(({ href }) => href),
  ]
  const readAll = async () => {
    const replies = await Promise.all(paths.map((path) => httpGet(`${snapshot}/${path}`)))
    return replies.map(({ status, rawHeaders, body }) => ({
      status,
      headers: rawHeaders.filter(([name]) => !['Date', 'X-Cache', 'X-Request-Id'].includes(name)),
      body: body.toString('hex'),
    }))
  }
  const before = await readAll()
  for (const reply of before) assert.equal(reply.status, 200)
  for (let round = 1; round <= 50; round += 1) {
    nowMs += MINUTE_MS
    writeSyntheticRepository(dir, { packages: packagesAt(round) })
    await sync('m')
  }
  assert.notEqual(await current('m'), snapshot)
  assert.deepEqual(await readAll(), before)
})

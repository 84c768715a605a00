import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import type { DepartedPage } from '../../src/proxy/api-departed.ts'
import { httpGet } from '../support/http-get.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { hrefOf, startFarm, type Farm, type FarmOptions } from './prefetch-farm.ts'

/** What packages of the farm hold. */
function contentOf(nevr: string): Buffer {
  return seededBytes(`${hrefOf(nevr)} 20000`, 20_000)
}

/** The same but for the last byte. */
function spoiled(nevr: string): Buffer {
  const bytes = contentOf(nevr)
  bytes[bytes.length - 1] = 255 - (bytes.at(-1) ?? 0)
  return bytes
}

/** A server that has files of its own. */
async function startArchive(t: TestContext, files: Readonly<Record<string, Buffer>> = {}): Promise<Upstream> {
  const root = tempDir(t)
  for (const [path, bytes] of Object.entries(files)) put(root, path, bytes)
  return await startUpstream(t, root)
}

function put(root: string, path: string, bytes: Buffer): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), bytes)
}

/** A farm with two snapshots, of which the first lists `a-1` and `b-1` that upstream has dropped. */
async function startWithLosses(
  t: TestContext,
  options: FarmOptions = {},
): Promise<{ farm: Farm; first: string }> {
  const farm = await startFarm(t, { ...options, mirror: { policy: 'on_demand', ...options.mirror } })
  farm.push(['a-1', 'b-1', 'c-1'])
  const first = await farm.sync()
  farm.push(['c-1'])
  await farm.sync()
  return { farm, first }
}

describe('what upstream has dropped', () => {
  test('is kept, at risk or lost: in the mirror, in each snapshot, and package by package', async (t) => {
    const farm = await startFarm(t, { mirror: { policy: 'on_demand' } })
    farm.push(['a-1', 'b-1', 'c-1', 'd-1'])
    const first = await farm.sync()
    await farm.use(first, 'a-1')
    farm.push(['d-1'])
    const second = await farm.sync()
    assert.deepEqual(await farm.departed(), [1, 2, 0])
    assert.equal((await farm.get(first, 'b-1')).status, 502)
    assert.deepEqual(await farm.departed(), [1, 1, 1])
    const {
      packages,
      bytes,
      cached,
      kept,
      at_risk: atRisk,
      at_risk_bytes: atRiskBytes,
      lost,
    } = await farm.snapshot(first)
    assert.deepEqual(
      [packages, bytes, cached, kept, atRisk, atRiskBytes, lost],
      [4, 80_000, 1, 1, 1, 20_000, 1],
    )
    const newest = await farm.snapshot(second)
    assert.deepEqual([newest.cached, newest.kept, newest.at_risk, newest.lost], [0, 0, 0, 0])
    const list = async (state: string) => {
      const name = first.slice(first.lastIndexOf('/') + 1)
      const reply = await httpGet(
        `${farm.app.url}/api/v1/mirrors/m/snapshots/${name}/packages?state=${state}`,
      )
      return (JSON.parse(reply.body.toString()) as DepartedPage).packages
    }
    const [one] = await list('lost')
    assert.deepEqual([one?.nevra, one?.bytes, one?.replaced, one?.times], ['b-1-1.noarch', 20_000, false, 1])
    assert.match(one?.answers ?? '', /has it not/)
    assert.deepEqual(
      (await list('at_risk')).map(({ name }) => name),
      ['c'],
    )
    assert.deepEqual(
      (await list('cached')).map(({ name }) => name),
      ['a'],
    )
    const wrong = await httpGet(
      `${farm.app.url}/api/v1/mirrors/m/snapshots/${first.slice(-16)}/packages?state=x`,
    )
    assert.equal(wrong.status, 400)
    const { text } = { text: (await httpGet(`${farm.app.url}/metrics`)).body.toString() }
    assert.match(text, /^pinyon_at_risk_packages\{mirror="m"\} 1$/m)
    assert.match(text, /^pinyon_lost_packages\{mirror="m"\} 1$/m)
  })

  test('is tried at once where a pin or a live view lists it, and only there', async (t) => {
    const farm = await startFarm(t, { mirror: { policy: 'on_demand' } })
    farm.push(['a-1', 'b-1'])
    await farm.sync()
    await httpGet(`${farm.app.url}/repos/views/job/all_latest.json`)
    // Upstream lists a-1 no longer, but its file still lies there.
    farm.push(['b-1'], { keep: true })
    await farm.sync()
    assert.equal(farm.asked('a-1'), 1)
    assert.deepEqual(await farm.departed(), [1, 0, 0])
    farm.push([], { keep: true })
    await farm.sync()
    assert.equal(farm.asked('b-1'), 1, 'the view lists it as well')
    await httpGet(`${farm.app.url}/repos/views/job2/all_latest.json`)
  })

  test('of no pin and no view waits until it is asked for', async (t) => {
    const { farm } = await startWithLosses(t)
    assert.deepEqual([farm.asked('a-1'), farm.asked('b-1')], [0, 0])
    assert.deepEqual(await farm.departed(), [0, 2, 0])
  })

  test('is at risk, not lost, while a source cannot be asked', async (t) => {
    const { farm, first } = await startWithLosses(t)
    farm.upstream.rules = [{ match: '.rpm', status: 503 }]
    const reply = await farm.get(first, 'a-1')
    assert.deepEqual([reply.status, reply.headers['x-cache']], [502, 'error_upstream'])
    assert.deepEqual(await farm.departed(), [0, 2, 0])
  })
})

describe('a lost package', () => {
  test('is 502 and says what is known of it', async (t) => {
    const { farm, first } = await startWithLosses(t)
    const reply = await farm.get(first, 'a-1')
    assert.deepEqual([reply.status, reply.headers['x-cache']], [502, 'lost'])
    const name = first.slice(first.lastIndexOf('/') + 1)
    const reason = String(reply.headers['x-pinyon-reason'])
    assert.equal(reply.headers['x-pinyon-snapshot'], name)
    assert.ok(
      reason.startsWith(
        `lost: it left m at 2026-01-01T00:02:00Z, after snapshot ${name}, and was not cached by then; `,
      ),
      reason,
    )
    assert.ok(reason.includes(`${farm.upstream.url} has it not`), reason)
    assert.match(reason, /asked again from 2026-01-01T00:03:00Z on: Packages\/a\/a-1-1\.noarch\.rpm$/)
  })

  test('is not asked for again with every request, but after a while, each time a longer one', async (t) => {
    const { farm, first } = await startWithLosses(t)
    const ask = async () => String((await farm.get(first, 'a-1')).headers['x-cache'])
    assert.deepEqual([await ask(), await ask(), await ask()], ['lost', 'lost', 'lost'])
    assert.equal(farm.asked('a-1'), 1)
    farm.clock.now += 60_000
    assert.deepEqual([await ask(), farm.asked('a-1')], ['lost', 2])
    farm.clock.now += 60_000
    assert.deepEqual([await ask(), farm.asked('a-1')], ['lost', 2])
    farm.clock.now += 60_000
    assert.deepEqual([await ask(), farm.asked('a-1')], ['lost', 3])
    farm.clock.now += 6 * 3_600_000
    put(farm.upstream.root, hrefOf('a-1'), contentOf('a-1'))
    assert.equal(await ask(), 'fill')
    await farm.log.waitFor('filled')
    assert.deepEqual(await farm.departed(), [1, 1, 0])
  })

  test('is not asked for again after a restart either, nor by all who wait for it', async (t) => {
    const dataDir = tempDir(t)
    const { farm, first } = await startWithLosses(t, { dataDir })
    const all = await Promise.all(Array.from({ length: 20 }, () => farm.get(first, 'a-1')))
    assert.ok(all.every(({ headers }) => headers['x-cache'] === 'lost'))
    assert.equal(farm.asked('a-1'), 1)
    await farm.app.close()
    const mirrors = { m: { baseurls: [farm.upstream.url] } }
    const again = await startApp(t, { mirrors, dataDir, now: () => farm.clock.now })
    const reply = await httpGet(`${first.replace(farm.app.url, again.url)}/${hrefOf('a-1')}`)
    assert.equal(reply.headers['x-cache'], 'lost')
    assert.match(String(reply.headers['x-pinyon-reason']), /has it not/)
    assert.equal(farm.asked('a-1'), 1)
  })

  test('is told a HEAD as long as it is known, and never asked for by one', async (t) => {
    const { farm, first } = await startWithLosses(t)
    const head = async () => await httpGet(`${first}/${hrefOf('a-1')}`, { method: 'HEAD' })
    assert.deepEqual([(await head()).status, farm.asked('a-1')], [200, 0])
    const { headers } = await farm.get(first, 'a-1')
    const told = await head()
    assert.deepEqual([told.status, told.headers['x-cache']], [502, 'lost'])
    assert.equal(told.headers['x-pinyon-reason'], headers['x-pinyon-reason'])
    farm.clock.now += 60_000
    assert.deepEqual([(await head()).status, farm.asked('a-1')], [200, 1])
  })

  test('with other bytes upstream under the same name says so; the newer snapshot has those', async (t) => {
    const farm = await startFarm(t, { mirror: { policy: 'on_demand' } })
    const push = (content: number) => {
      farm.push([])
      farm.pushPackages([{ name: 'a', version: '1', content }])
    }
    push(20_000)
    const first = await farm.sync()
    push(20_001)
    const second = await farm.sync()
    const older = await farm.get(first, 'a-1')
    assert.deepEqual([older.status, older.headers['x-cache']], [502, 'lost'])
    assert.match(String(older.headers['x-pinyon-reason']), /^lost: m had other bytes under this name at 2026/)
    assert.match(String(older.headers['x-pinyon-reason']), /has other bytes/)
    const newer = await farm.get(second, 'a-1')
    assert.deepEqual([newer.status, newer.body.length], [200, 20_001])
  })
})

describe('a fallback', () => {
  test('gives what upstream has dropped, by href', async (t) => {
    const archive = await startArchive(t, { [`7/${hrefOf('a-1')}`]: contentOf('a-1') })
    const { farm, first } = await startWithLosses(t, { mirror: { fallbacks: [`${archive.url}7/`] } })
    const reply = await farm.get(first, 'a-1')
    assert.deepEqual([reply.status, reply.headers['x-cache']], [200, 'fill'])
    assert.deepEqual(reply.body, contentOf('a-1'))
    assert.deepEqual([farm.asked('a-1'), archive.count('a-1-1.noarch.rpm')], [1, 1])
    const lost = await farm.get(first, 'b-1')
    assert.match(String(lost.headers['x-pinyon-reason']), new RegExp(`${archive.url}7/ has it not`))
  })

  test('gives it by template, in whatever layout', async (t) => {
    const archive = await startArchive(t, { 'pool/a/a/1/1/noarch/a-1-1.noarch.rpm': contentOf('a-1') })
    const template = `${archive.url}pool/{initial}/{name}/{version}/{release}/{arch}/{filename}`
    const { farm, first } = await startWithLosses(t, { mirror: { fallbacks: [template] } })
    assert.deepEqual((await farm.get(first, 'a-1')).body, contentOf('a-1'))
    const lost = await farm.get(first, 'b-1')
    assert.ok(String(lost.headers['x-pinyon-reason']).includes(`${template} has it not`))
  })

  test('is trusted for the right bytes and nothing else, and each of several is asked', async (t) => {
    const liar = await startArchive(t, { [hrefOf('a-1')]: spoiled('a-1') })
    const honest = await startArchive(t, { [hrefOf('a-1')]: contentOf('a-1') })
    const fallbacks = [liar.url, honest.url]
    const { farm, first } = await startWithLosses(t, { mirror: { fallbacks } })
    assert.ok((await farm.get(first, 'a-1')).body.equals(contentOf('a-1')))
    put(liar.root, hrefOf('b-1'), spoiled('b-1'))
    // Whoever gets the wrong bytes is cut off before their end; the next one is told.
    assert.notEqual((await farm.get(first, 'b-1')).body.length, 20_000)
    const reply = await farm.get(first, 'b-1')
    assert.deepEqual([reply.status, reply.headers['x-cache']], [502, 'lost'])
    const reason = String(reply.headers['x-pinyon-reason'])
    assert.ok(reason.includes(`${liar.url} has other bytes, ${honest.url} has it not`), reason)
  })

  test('is not asked for what upstream has', async (t) => {
    const archive = await startArchive(t)
    const farm = await startFarm(t, { mirror: { fallbacks: [archive.url] } })
    farm.push(['a-1'])
    await farm.use(await farm.sync(), 'a-1')
    assert.equal(archive.requests.length, 0)
  })

  test('that is new is asked for what was lost before', async (t) => {
    const dataDir = tempDir(t)
    const { farm, first } = await startWithLosses(t, { dataDir })
    assert.equal((await farm.get(first, 'a-1')).headers['x-cache'], 'lost')
    const archive = await startArchive(t, { [hrefOf('a-1')]: contentOf('a-1') })
    const { config } = farm.app.app
    const mirror = config.mirrors.get('m')
    assert.ok(mirror !== undefined)
    const changed = { ...config, mirrors: new Map([['m', { ...mirror, fallbacks: [archive.url] }]]) }
    await farm.reconfigure(changed)
    assert.deepEqual(await farm.departed(), [0, 2, 0])
    assert.deepEqual((await farm.get(first, 'a-1')).body, contentOf('a-1'))
  })

  test('saves what a pinned snapshot lists, as soon as it has left', async (t) => {
    const archive = await startArchive(t, { [hrefOf('a-1')]: contentOf('a-1') })
    const farm = await startFarm(t, { mirror: { fallbacks: [archive.url] } })
    farm.push(['a-1', 'b-1'])
    await farm.sync()
    await httpGet(`${farm.app.url}/repos/views/job/all_latest.json`)
    farm.push(['b-1'])
    await farm.sync()
    assert.deepEqual(await farm.departed(), [1, 0, 0])
  })
})

describe('fetch', () => {
  test('asks for all that is at risk or lost, whatever was found just before', async (t) => {
    const { farm, first } = await startWithLosses(t)
    assert.equal((await farm.get(first, 'a-1')).headers['x-cache'], 'lost')
    put(farm.upstream.root, hrefOf('a-1'), contentOf('a-1'))
    const seen: number[] = []
    const request = { which: 'at_risk', specs: [] } as const
    const tally = await farm.app.app.prefetcher.fetch('m', request, ({ done }) => seen.push(done))
    assert.deepEqual([tally.total, tally.fetched, tally.lost, tally.bytes], [2, 1, 1, 20_000])
    assert.deepEqual(await farm.departed(), [1, 0, 1])
    assert.deepEqual(seen, [0, 1, 2])
  })

  test('gets packages of the current snapshot by name, all of it, or what is used of it', async (t) => {
    const farm = await startFarm(t, { mirror: { policy: 'on_demand' } })
    farm.push(['aa-1', 'ab-1', 'b-1', 'c-1', 'd-1'])
    await farm.use(await farm.sync(), 'b-1')
    farm.push(['aa-1', 'ab-1', 'b-2', 'c-1', 'd-1'])
    await farm.sync()
    const fetch = async (which: 'all' | 'used', ...specs: string[]) => {
      const { total, fetched } = await farm.app.app.prefetcher.fetch('m', { which, specs }, () => undefined)
      return [total, fetched]
    }
    assert.deepEqual(await fetch('used', 'a*', 'c-1-1.noarch'), [3, 3])
    assert.deepEqual(await fetch('used', 'aa'), [0, 0])
    assert.deepEqual(await fetch('used'), [1, 1])
    assert.equal(farm.asked('b-2'), 1)
    assert.deepEqual(await fetch('all'), [1, 1])
    await assert.rejects(fetch('used', 'aa', 'e'), /lists no such package: e$/)
    await assert.rejects(
      farm.app.app.prefetcher.fetch('other', { which: 'all', specs: [] }, () => undefined),
      /no snapshot yet of: other/,
    )
  })
})

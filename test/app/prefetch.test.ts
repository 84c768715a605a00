import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { gate } from '../support/gate.ts'
import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { hrefOf, startFarm } from './prefetch-farm.ts'

const DAY_MS = 86_400_000

describe('a new snapshot', () => {
  test('has the next versions of what was asked for fetched at once, and nothing else', async (t) => {
    const farm = await startFarm(t)
    farm.push(['a-1', 'b-1'])
    const first = await farm.sync()
    await farm.use(first, 'a-1')
    farm.push(['a-2', 'b-2', 'c-1'])
    const second = await farm.sync()
    assert.deepEqual([farm.asked('a-2'), farm.asked('b-2'), farm.asked('c-1')], [1, 0, 0])
    // Upstream's next push forgets it before any job has asked for it.
    farm.push(['a-3', 'b-3', 'c-1'])
    await farm.sync()
    const saved = await farm.get(second, 'a-2')
    assert.deepEqual([saved.status, saved.headers['x-cache']], [200, 'hit'])
    assert.equal((await farm.get(second, 'b-2')).status, 502)
    assert.deepEqual(
      farm.log.lines
        .filter(({ msg }) => msg === 'fetched ahead')
        .map(({ fetched, bytes }) => [fetched, bytes]),
      [
        [1, 20_000],
        [1, 20_000],
      ],
    )
  })

  test('has what was asked for just before it counted as used: nothing is told of it but the request', async (t) => {
    const farm = await startFarm(t)
    farm.push(['a-1', 'b-1'])
    const first = await farm.sync()
    assert.equal((await farm.get(first, 'a-1')).status, 200)
    farm.push(['a-2', 'b-2'])
    await farm.sync()
    assert.deepEqual([farm.asked('a-2'), farm.asked('b-2')], [1, 0])
  })

  test('has nothing fetched on demand, and everything immediately', async (t) => {
    const [lazy, eager] = [
      await startFarm(t, { mirror: { policy: 'on_demand' } }),
      await startFarm(t, { mirror: { policy: 'immediate' } }),
    ]
    for (const farm of [lazy, eager]) {
      farm.push(['a-1', 'b-1'])
      const first = await farm.sync()
      await farm.use(first, 'a-1')
      farm.push(['a-2', 'b-2'])
      await farm.sync()
    }
    assert.deepEqual([lazy.asked('a-2'), lazy.asked('b-2')], [0, 0])
    assert.deepEqual(
      ['a-1', 'b-1', 'a-2', 'b-2'].map((nevr) => eager.asked(nevr)),
      [1, 1, 1, 1],
    )
  })

  test('has nothing fetched of what was not asked for within the window', async (t) => {
    const farm = await startFarm(t, { mirror: { warmWindowMs: 30 * DAY_MS } })
    farm.push(['a-1', 'b-1'])
    const first = await farm.sync()
    await farm.use(first, 'a-1')
    farm.clock.now += 29 * DAY_MS
    await farm.use(first, 'b-1')
    farm.clock.now += 2 * DAY_MS
    farm.push(['a-2', 'b-2'])
    await farm.sync()
    assert.deepEqual([farm.asked('a-2'), farm.asked('b-2')], [0, 1])
  })

  test('has what was asked for within a short window fetched, however long ago that was noted first', async (t) => {
    const farm = await startFarm(t, { mirror: { warmWindowMs: 120_000 } })
    farm.push(['a-1', 'b-1'])
    const first = await farm.sync()
    await farm.use(first, 'a-1')
    await farm.use(first, 'b-1')
    farm.clock.now += 50 * 60_000
    await farm.use(first, 'a-1')
    farm.clock.now += 13_000
    farm.push(['a-2', 'b-1'])
    await farm.sync()
    assert.equal(farm.asked('a-2'), 1)
    // The hour that it may be longer is over.
    farm.clock.now += 20 * 60_000
    farm.push(['a-2', 'b-2'])
    await farm.sync()
    assert.equal(farm.asked('b-2'), 0)
  })

  test('is fetched ahead also after a restart, once, and what was asked for is remembered over it', async (t) => {
    const dataDir = tempDir(t)
    const farm = await startFarm(t, { dataDir })
    farm.push(['a-1', 'b-1'])
    await farm.use(await farm.sync(), 'a-1')
    farm.push(['a-2', 'b-1'])
    // The first process dies in the middle of the transfer.
    const held = gate()
    farm.upstream.rules = [{ match: hrefOf('a-2'), hold: held, times: 1 }]
    farm.clock.now += 60_000
    await farm.app.sync('m')
    await farm.upstream.waitFor(hrefOf('a-2'))
    await farm.app.close()
    held.open()
    const again = await startApp(t, {
      mirrors: { m: { baseurls: [farm.upstream.url], policy: 'warm' } },
      dataDir,
      now: () => farm.clock.now,
    })
    again.app.startSyncing()
    await again.app.prefetcher.settled('m')
    assert.equal(farm.asked('a-2'), 2)
    assert.equal((await httpGet(`${await again.current('m')}/${hrefOf('a-2')}`)).headers['x-cache'], 'hit')
    await again.sync('m')
    await again.app.prefetcher.settled('m')
    assert.equal(farm.asked('a-2'), 2)
  })

  test('is not fetched again after it was evicted', async (t) => {
    const settings = { cache: { maxBytes: 1 << 20, memoryBytes: 1 << 20 } }
    const farm = await startFarm(t, { settings })
    const others = Array.from({ length: 60 }, (_, index) => `other${index}-1`)
    farm.push(['a-1', ...others])
    const first = await farm.sync()
    await farm.use(first, 'a-1')
    farm.push(['a-2', ...others])
    const second = await farm.sync()
    assert.equal(farm.asked('a-2'), 1)
    // More than the cache can hold: the least recently used goes, which is what nobody has asked for.
    for (const other of others) await farm.get(second, other)
    farm.push(['a-2', ...others, 'z-1'])
    await farm.sync()
    await farm.sync()
    assert.equal(farm.asked('a-2'), 1)
    assert.equal((await farm.get(second, 'a-2')).status, 200)
  })

  test('is fetched until the cache is full, which is told', async (t) => {
    const settings = { cache: { maxBytes: 1 << 20, memoryBytes: 1 << 20 } }
    const farm = await startFarm(t, { mirror: { policy: 'immediate' }, settings })
    farm.push(Array.from({ length: 60 }, (_, index) => `p${index}-1`))
    await farm.sync()
    const { prefetch, policy } = await farm.mirror()
    assert.equal(policy, 'immediate')
    assert.deepEqual([prefetch?.running, prefetch?.total, prefetch?.stopped], [false, 60, 'cache full'])
    assert.ok((prefetch?.bytes ?? 0) <= 0.9 * (1 << 20) && (prefetch?.fetched ?? 0) > 20)
    const warned = farm.log.lines.find(({ msg }) => msg === 'fetched ahead, but not everything')
    assert.deepEqual([warned?.['level'], warned?.['stopped']], ['warn', 'cache full'])
  })

  test('is fetched no further while upstream is in trouble, and the rest with the next sync', async (t) => {
    const farm = await startFarm(t, { mirror: { policy: 'immediate' } })
    farm.push(Array.from({ length: 30 }, (_, index) => `p${index}-1`))
    farm.upstream.rules = [{ match: '.rpm', status: 503 }]
    await farm.sync()
    const { prefetch } = await farm.mirror()
    assert.deepEqual([prefetch?.stopped, prefetch?.fetched], ['trouble', 0])
    assert.ok((prefetch?.failed ?? 0) < 12, 'it does not ask for each of them')
    assert.match(prefetch?.reason ?? '', /503/)
    farm.upstream.rules = []
    await farm.sync()
    assert.equal((await farm.mirror()).prefetch?.fetched, 30)
  })

  test('waits for clients: one transfer beside theirs, however many there may be', async (t) => {
    const farm = await startFarm(t, { mirror: { policy: 'immediate' } })
    farm.push(['client-1', ...Array.from({ length: 10 }, (_, index) => `p${index}-1`)])
    const [forClient, others] = [gate(), gate()]
    farm.upstream.rules = (request) => {
      if (!request.path.endsWith('.rpm')) return undefined
      return { hold: request.path.includes('client') ? forClient : others }
    }
    farm.clock.now += 60_000
    const { snapshot } = await farm.app.sync('m')
    await farm.upstream.waitFor('.rpm', 4)
    const asked = farm.get(`${farm.app.url}/repos/yum/m/${snapshot.name}`, 'client-1')
    await farm.upstream.waitFor(hrefOf('client-1'))
    others.open()
    forClient.open()
    assert.equal((await asked).status, 200)
    await farm.app.app.prefetcher.settled('m')
    assert.equal(farm.upstream.count('.rpm'), 11, 'each once')
  })

  test('of one mirror waits for no other one, whose upstream gives nothing', async (t) => {
    const dirs = [tempDir(t), tempDir(t)] as const
    for (const [number, dir] of dirs.entries())
      writeSyntheticRepository(dir, {
        packages: Array.from({ length: 8 }, (_, index) => ({ name: `p${number}${index}` })),
      })
    const [silent, well] = [await startUpstream(t, dirs[0]), await startUpstream(t, dirs[1])]
    silent.rules = [{ match: '.rpm', hold: gate() }]
    const farm = await startApp(t, { mirrors: { silent: eager(silent), well: eager(well) } })
    // Its places are taken by a clock that stands still from then on.
    t.mock.timers.enable({ apis: ['setTimeout'] })
    await farm.sync('silent')
    await silent.waitFor('.rpm', 4)
    await farm.sync('well')
    t.mock.timers.tick(30_000)
    await well.waitFor('.rpm', 8)
    assert.equal(silent.count('.rpm'), 4)
    t.mock.timers.reset()
  })

  test('a client that asks for what is just fetched ahead joins it, and it is held up no more', async (t) => {
    const settings = { prefetch: { parallel: 1, throttle: 65_536 } }
    const farm = await startFarm(t, { mirror: { policy: 'immediate' }, settings })
    writeSyntheticRepository(farm.upstream.root, {
      packages: [{ name: 'large', version: '1', content: 5 << 20 }],
    })
    farm.clock.now += 60_000
    const { snapshot } = await farm.app.sync('m')
    await farm.upstream.waitFor(hrefOf('large-1'))
    const startedAt = performance.now()
    const reply = await farm.get(`${farm.app.url}/repos/yum/m/${snapshot.name}`, 'large-1')
    assert.deepEqual([reply.status, reply.headers['x-cache']], [200, 'join'])
    assert.ok(performance.now() - startedAt < 40_000, 'at the throttle it would take 80 s')
  })
})

/** A mirror of all that this upstream has, however long that takes. */
function eager({ url }: Upstream) {
  return { baseurls: [url], policy: 'immediate', timeoutMs: 3_600_000 } as const
}

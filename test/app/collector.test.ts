import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'

import { Collector, type CollectorOptions } from '../../src/app/collector.ts'
import { NO_LEDGER } from '../../src/cache/blob-ledger.ts'
import type { Config } from '../../src/config/config.ts'
import { digestOf, type Digest } from '../../src/model/digest.ts'
import { PinyonError } from '../../src/model/errors.ts'
import type { GcRequest } from '../../src/snapshot/gc/gc-context.ts'
import type { GcRunOptions } from '../../src/snapshot/gc/gc-runner.ts'
import { NO_BLOBS, type GcReport, type GcSnapshot } from '../../src/snapshot/gc/gc-report.ts'
import { createSilentLogger } from '../../src/system/logger.ts'
import { DEFAULT_CACHE, DEFAULT_RETENTION } from '../support/config-defaults.ts'
import { gate as createGate } from '../support/gate.ts'

const REPORT: GcReport = {
  dryRun: false,
  wallDoubt: undefined,
  snapshots: [],
  packageRows: 0,
  blobs: {
    total: NO_BLOBS,
    maxBytes: 0,
    repodata: NO_BLOBS,
    onlyHere: NO_BLOBS,
    fetchable: NO_BLOBS,
    recent: NO_BLOBS,
    unlisted: NO_BLOBS,
    evicted: NO_BLOBS,
    deleting: NO_BLOBS,
  },
  fits: true,
}

const RETIRED: GcSnapshot = { mirror: 'm', name: '2026-01-01-00-00', goes: true, reasons: ['older than 1 d'] }

/** A collector whose collections do nothing but wait for their gate. */
function createCollector(t: TestContext, changes: Partial<CollectorOptions> = {}) {
  const gate = createGate()
  const requests: GcRequest[] = []
  const touched: Digest[] = []
  const forgotten: Digest[] = []
  let flushes = 0
  const config = { retention: DEFAULT_RETENTION, cache: DEFAULT_CACHE } as Config
  const used = [digestOf('a'), digestOf('b')]
  const collector = new Collector({
    config: () => config,
    log: createSilentLogger(),
    now: () => 5_000,
    farmNowMs: () => 77,
    claims: { tryClaim: () => ({ note: () => undefined, release: () => undefined }), find: () => undefined },
    maxBytes: () => config.cache.maxBytes,
    ledger: { ...NO_LEDGER, touch: async (digests) => void touched.push(...digests) },
    cache: { takeUsed: () => used.splice(0), forget: (digest) => void forgotten.push(digest) },
    run: async (request, { onRemoved, signal }) => {
      requests.push(request)
      await gate.opened
      signal.throwIfAborted()
      onRemoved([digestOf('gone')])
      return REPORT
    },
    flushUsage: async () => void (flushes += 1),
    onRetired: () => undefined,
    onReport: () => undefined,
    ...changes,
  })
  t.after(() => {
    gate.open()
    return collector.close()
  })
  return { collector, gate, requests, touched, forgotten, flushes: () => flushes }
}

function failFull(): never {
  throw new PinyonError('NO_SPACE', 'no space left on the disk')
}

describe('the collector', () => {
  test('enters what was used before it decides what was not, and forgets what went', async (t) => {
    const { collector, gate, requests, touched, forgotten, flushes } = createCollector(t)
    gate.open()
    await collector.collect()
    assert.deepEqual(touched, [digestOf('a'), digestOf('b')])
    assert.equal(flushes(), 1)
    assert.deepEqual(forgotten, [digestOf('gone')])
    const [request] = requests
    assert.deepEqual(
      [request?.kind, request?.nowMs, request?.farmNowMs, request?.rules],
      ['collect', 5_000, 77, DEFAULT_RETENTION],
    )
    assert.equal(collector.lastReport, REPORT)
  })

  test('does one thing at a time, and the same thing once for all who wait for it', async (t) => {
    const { collector, gate, requests } = createCollector(t)
    const first = collector.collect()
    const waiting = Array.from({ length: 50 }, () => collector.collect({ dryRun: true }))
    const room = [collector.makeRoom(10), collector.makeRoom(10), collector.makeRoom(20)]
    gate.open()
    await Promise.all([first, ...waiting, ...room])
    assert.deepEqual(
      requests.map(({ kind, neededBytes }) => [kind, neededBytes]),
      [
        ['collect', 0],
        ['plan', 0],
        ['evict', 10],
        ['evict', 20],
      ],
    )
  })

  test('answers whoever does not wait with what is decided, while it is done', async (t) => {
    const gate = createGate()
    const decided = { ...REPORT, fits: false, snapshots: [RETIRED] }
    let told = 0
    const { collector } = createCollector(t, {
      run: async (_request, { onDecided }) => {
        onDecided(decided)
        await gate.opened
        return REPORT
      },
      onRetired: () => void (told += 1),
    })
    assert.equal(await collector.collect({ wait: false }), decided)
    assert.equal(told, 1, 'what is told to be gone answers no more')
    assert.deepEqual([collector.isCollecting, collector.lastReport], [true, undefined])
    const second = collector.collect()
    gate.open()
    assert.equal(await second, REPORT)
    assert.equal(collector.isCollecting, false)
  })

  test('one that fails after it has answered says so in the log and lets the next one run', async (t) => {
    const gate = createGate()
    const runs = [
      async ({ onDecided }: GcRunOptions) => {
        onDecided(REPORT)
        await gate.opened
        throw new PinyonError('STORE_FAILED', 'no disk')
      },
      async () => REPORT,
    ]
    const { collector } = createCollector(t, {
      run: async (_request, options) => (await runs.shift()?.(options)) ?? REPORT,
    })
    await collector.collect({ wait: false })
    const second = collector.collect()
    gate.open()
    assert.equal(await second, REPORT)
  })

  test('leaves it to another process that is at it, but can always tell what would go', async (t) => {
    const { collector, gate } = createCollector(t, {
      claims: { tryClaim: () => undefined, find: () => undefined },
    })
    gate.open()
    await assert.rejects(collector.collect(), { code: 'GC_RUNNING' })
    await assert.rejects(collector.makeRoom(1), { code: 'GC_RUNNING' })
    assert.equal(await collector.collect({ dryRun: true }), REPORT)
  })

  test('goes on after one that failed', async (t) => {
    let fails = true
    const { collector } = createCollector(t, {
      run: async () => {
        if (fails) throw new PinyonError('STORE_FAILED', 'no disk')
        return REPORT
      },
    })
    await assert.rejects(collector.collect(), { code: 'STORE_FAILED' })
    fails = false
    assert.equal(await collector.collect(), REPORT)
  })

  test('keeps left-overs for longer while there is room', async (t) => {
    const full = { ...NO_LEDGER, total: () => ({ count: 1, bytes: DEFAULT_CACHE.maxBytes }) }
    for (const [ledger, hours] of [
      [NO_LEDGER, 6],
      [full, 1],
    ] as const) {
      const { collector, gate, requests } = createCollector(t, { ledger })
      gate.open()
      await collector.collect()
      assert.equal(requests[0]?.unlistedMs, hours * 3_600_000)
    }
  })

  test('on a full disk, where nothing can be claimed nor entered, frees and retires nothing', async (t) => {
    const { collector, gate, requests } = createCollector(t, {
      claims: { tryClaim: failFull, find: () => undefined },
      flushUsage: async () => failFull(),
    })
    gate.open()
    await collector.collect()
    assert.deepEqual(
      requests.map(({ kind }) => kind),
      ['evict'],
    )
  })

  test('looks through the disk first, once, when asked for a collection', async (t) => {
    const { collector, gate, requests } = createCollector(t)
    gate.open()
    await collector.collect({ dryRun: true })
    await collector.collect()
    await collector.collect()
    await collector.collect({ reconcile: true })
    assert.deepEqual(
      requests.map(({ reconcile }) => reconcile),
      [false, true, false, true],
    )
  })

  test('looks through the disk in the background soon after a start, so that nobody waits for it', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
    const known = { ...NO_LEDGER, total: () => ({ count: 1, bytes: 1 }) }
    const { collector, gate, requests } = createCollector(t, { ledger: known })
    gate.open()
    collector.start()
    t.mock.timers.tick(10_000)
    await collector.collect({ dryRun: true })
    await collector.collect()
    assert.deepEqual(
      requests.map(({ kind, reconcile }) => [kind, reconcile]),
      [
        ['evict', true],
        ['plan', false],
        ['collect', false],
      ],
    )
  })
})

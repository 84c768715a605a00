import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'

import type { MirrorConfig } from '../../src/config/config.ts'
import { gate } from '../support/gate.ts'
import { httpGet } from '../support/http-get.ts'
import type { Behaviour } from '../support/upstream-behaviour.ts'
import type { Upstream } from '../support/upstream.ts'
import { startFarm, type Farm } from './farm.ts'

// Promise 5 of design §3: an outage is 502, 503 or 504 with a reason, never a 404, and never remembered.

const COUNT = 60
const NAMES = Array.from({ length: COUNT }, (_, index) => `p${index}`)
const PACKAGES = NAMES.map((name) => ({ name, href: `Packages/${name}.rpm`, content: 3_000 }))
const path = (index: number) => `Packages/p${index}.rpm`
/** Longer than any back-off. */
const LONGEST_BACK_OFF_MS = 10_000

interface Clocked extends Farm {
  readonly source: Upstream
  /** Moves the clock by which sources are judged. */
  readonly later: (ms: number) => void
}

async function start(t: TestContext, mirror: Partial<MirrorConfig> = {}): Promise<Clocked> {
  let offsetMs = 0
  const now = performance.now.bind(performance)
  t.mock.method(performance, 'now', () => now() + offsetMs)
  const farm = await startFarm(t, { packages: PACKAGES, mirror })
  const [source] = farm.sources
  assert.ok(source)
  return { ...farm, source, later: (ms) => void (offsetMs += ms) }
}

/** Asks for what is not there until the source counts as down. */
async function learn(farm: Clocked): Promise<void> {
  for (let index = 0; index < 3; index += 1) {
    if (index > 0) farm.later(3_000)
    const { status } = await farm.get(path(index))
    assert.ok(status === 502 || status === 504, String(status))
  }
}

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const startedAt = process.hrtime.bigint()
  const result = await work()
  return { result, ms: Number(process.hrtime.bigint() - startedAt) / 1e6 }
}

const OUTAGES: readonly [string, (source: Upstream) => Promise<void> | void][] = [
  ['refuses connections', (source) => source.stop()],
  ['hangs', (source) => void (source.rules = [{ match: '.rpm', hold: gate() }])],
  ['closes every connection', (source) => void (source.rules = [{ match: '.rpm', hangUp: true }])],
  ['answers 503', (source) => void (source.rules = [{ match: '.rpm', status: 503 }])],
]

describe('an upstream that', () => {
  for (const [what, breakDown] of OUTAGES) {
    test(`${what}: soon nobody waits for it, and when it is back the next request succeeds`, async (t) => {
      const farm = await start(t, { timeoutMs: 1_000 })
      await breakDown(farm.source)
      await learn(farm)
      const asked = farm.source.count()
      const took: number[] = []
      for (let index = 3; index < 23; index += 1) {
        const { result, ms } = await timed(() => farm.get(path(index)))
        took.push(ms)
        assert.deepEqual(
          [result.status, result.headers['x-cache'], result.headers['cache-control']],
          [503, 'error_upstream', 'no-store'],
        )
        assert.match(String(result.headers['retry-after']), /^(?:[1-9]|10)$/)
        assert.match(
          String(result.headers['x-pinyon-reason']),
          /^upstream has been down for a while, and is asked again in \d+ s: http:\/\/127\.0\.0\.1/,
        )
      }
      assert.equal(farm.source.count(), asked, 'nothing was asked')
      // The machine may be busy with others.
      const fastest = Math.min(...took)
      assert.ok(fastest < 50, `${fastest} ms`)
      farm.source.rules = []
      await farm.source.stop()
      await farm.source.start()
      farm.later(LONGEST_BACK_OFF_MS)
      for (let index = 0; index < 23; index += 1) assert.equal((await farm.get(path(index))).status, 200)
    })
  }

  test('is down serves all that is pinned and cached at full speed, and is not asked', async (t) => {
    const farm = await start(t)
    const warm = [path(0), path(1), 'repodata/repomd.xml']
    for (const one of warm) assert.equal((await farm.get(one)).status, 200)
    const measure = async () => {
      const took: number[] = []
      for (let round = 0; round < 100; round += 1)
        took.push((await timed(() => farm.get(warm[round % warm.length] ?? ''))).ms)
      return Math.min(...took)
    }
    await measure()
    const before = await measure()
    await farm.source.stop()
    await farm.get(path(2))
    const asked = farm.source.count()
    const during = await measure()
    assert.ok(during < before * 3 + 5, `${during} ms, with upstream: ${before} ms`)
    assert.equal(farm.source.count(), asked)
  })

  test('is back is tried by one request, and all others wait for that one', async (t) => {
    const farm = await start(t, { timeoutMs: 60_000 })
    await farm.source.stop()
    await learn(farm)
    await farm.source.start()
    farm.later(LONGEST_BACK_OFF_MS)
    const answer = gate()
    farm.source.rules = [{ match: '.rpm', times: 1, hold: answer }]
    const first = farm.get(path(3))
    await farm.source.waitFor('.rpm')
    const others = Array.from({ length: 20 }, (_, index) => farm.get(path(4 + index)))
    await farm.get('repodata/repomd.xml')
    assert.equal(farm.source.count('.rpm'), 1)
    answer.open()
    for (const reply of [first, ...others]) assert.equal((await reply).status, 200)
  })

  test('is still not back is tried ever less often, at most every ten seconds', async (t) => {
    const farm = await start(t)
    farm.source.rules = [{ match: '.rpm', hangUp: true }]
    await learn(farm)
    const tries: number[] = []
    for (let second = 0; second < 120; second += 1) {
      farm.later(1_000)
      const before = farm.source.count()
      assert.ok([502, 503].includes((await farm.get(path(second % COUNT))).status))
      if (farm.source.count() > before) tries.push(second)
    }
    const gaps = tries.slice(1).map((at, index) => at - (tries[index] ?? 0))
    assert.ok(
      gaps.every((gap) => gap <= 11),
      gaps.join(' '),
    )
    assert.ok(tries.length <= 16, `${tries.length} tries in two minutes`)
  })
})

test('a short outage is bridged by trying again: no client hears of it', async (t) => {
  const farm = await start(t, { retries: 10 })
  farm.source.rules = [{ match: '.rpm', times: 3, status: 503 }]
  assert.equal((await farm.get(path(0))).status, 200)
  farm.source.rules = [{ match: '.rpm', times: 2, hangUp: true }]
  assert.equal((await farm.get(path(1))).status, 200)
})

test('what every source has come to is told, in whichever way it fails', async (t) => {
  const farm = await startFarm(t, { packages: PACKAGES, sources: 3 })
  const [first, second, third] = farm.sources
  assert.ok(first && second && third)
  first.rules = [{ match: '.rpm', status: 503 }]
  second.rules = [{ match: '.rpm', hangUp: true }]
  await third.stop()
  const { status, headers } = await farm.get(path(0))
  assert.equal(status, 502)
  const reason = String(headers['x-pinyon-reason'])
  for (const { url } of farm.sources) assert.ok(reason.includes(url), reason)
  assert.match(reason, /answered: 503/)
  assert.match(reason, /ECONNREFUSED/)
})

const CHOKES: readonly [string, Behaviour][] = [
  ['answers 500 to', { status: 500 }],
  ['hangs up on', { hangUp: true }],
  ['says nothing of', { hold: gate() }],
  ['sends to where nobody is for', { redirectTo: 'http://127.0.0.1:1/' }],
]
for (const [what, behaviour] of CHOKES)
  test(`one file that its server ${what} is no outage`, async (t) => {
    const farm = await start(t, { timeoutMs: 500 })
    farm.source.rules = [{ match: 'p0.rpm', ...behaviour }]
    for (let round = 0; round < 6; round += 1) {
      assert.match(String((await farm.get(path(0))).status), /^50[24]$/)
      farm.later(3_000)
    }
    assert.equal((await farm.get(path(1))).status, 200)
  })

test('files that its server chokes on leave others a turn to find out that it is well', async (t) => {
  const farm = await start(t)
  farm.source.rules = [{ match: /p[01]\.rpm/, hangUp: true }]
  for (const index of [0, 1, 0]) {
    await farm.get(path(index))
    farm.later(3_000)
  }
  assert.equal((await farm.get(path(1))).status, 502)
  assert.equal((await farm.get(path(2))).status, 503, 'two of them look like an outage')
  let status = 503
  for (let turn = 0; turn < 20 && status === 503; turn += 1) {
    farm.later(500)
    for (const index of [0, 1]) await farm.get(path(index))
    status = (await farm.get(path(2))).status
  }
  assert.equal(status, 200)
})

test('a sync asks a source that is down, and so does an operator', async (t) => {
  const farm = await start(t)
  await farm.source.stop()
  await learn(farm)
  assert.equal((await farm.get(path(5))).status, 503)
  await farm.source.start()
  assert.equal((await farm.app.sync('m')).outcome, 'unchanged')
  assert.equal((await farm.get(path(5))).status, 200, 'and whoever comes next profits')
})

test('the state of sources is in API, metrics and status', async (t) => {
  const farm = await start(t)
  const ask = async (where: string) => (await httpGet(`${farm.url}${where}`)).body.toString()
  const sources = async () => (JSON.parse(await ask('/api/v1/mirrors/m')) as { sources: object[] }).sources
  const baseurl = farm.source.url
  const well = { baseurl, state: 'ok', failures: 0, retry_in_ms: 0, error: null, listed: false }
  const [before] = (await sources()) as Record<string, unknown>[]
  assert.deepEqual({ ...before, ...well }, before)
  assert.ok(Number(before?.['latency_ms']) > 0 && before?.['failure_share'] === 0, JSON.stringify(before))
  await farm.source.stop()
  await farm.get(path(0))
  assert.match(JSON.stringify(await sources()), /"state":"set aside","failures":1,.*ECONNREFUSED/)
  farm.later(3_000)
  await learn(farm)
  assert.match(JSON.stringify(await sources()), /"state":"down","failures":4,/)
  assert.match(await ask('/metrics'), /^pinyon_upstream_up\{mirror="m",role="primary"\} 0$/m)
  await farm.source.start()
  farm.later(LONGEST_BACK_OFF_MS)
  await farm.get(path(0))
  assert.match(await ask('/metrics'), /^pinyon_upstream_up\{mirror="m",role="primary"\} 1$/m)
  const [after] = (await sources()) as Record<string, unknown>[]
  assert.deepEqual({ ...after, ...well }, after)
  assert.ok(Number(after?.['failure_share']) > 0, 'what failed lately is remembered for a while')
})

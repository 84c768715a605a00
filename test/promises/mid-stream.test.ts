import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { MirrorConfig } from '../../src/config/config.ts'
import { HOLD_BACK_BYTES, LAST_BYTES } from '../../src/http/body-chunks.ts'
import { TRICKLE_BYTES } from '../../src/model/minimum-rate.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { Connection } from '../http/connection.ts'
import { gate } from '../support/gate.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import type { Behaviour, Rule } from '../support/upstream-behaviour.ts'
import type { Upstream } from '../support/upstream.ts'
import { startFarm, type Farm } from './farm.ts'

// Promise 3 of design §3, and the budget of 4.5: trouble in the middle of a body stays upstream's.

const SIZE = 300_000
const CONTENT = seededBytes('mid-stream', SIZE)
/** Bytes asked for twice, to see that the rest belongs to the beginning. */
const OVERLAP = 1_024
const HREF = 'Packages/p.rpm'
const PACKAGES = [{ name: 'p', href: HREF, content: CONTENT }]

function rule(behaviour: Behaviour, times = Infinity): Rule {
  return { match: '.rpm', times, ...behaviour }
}

/** The package, which must come whole and right. */
async function expectRight(farm: Farm): Promise<void> {
  const reply = await farm.get(HREF)
  assert.deepEqual([reply.status, reply.complete, reply.headers['x-cache']], [200, true, 'fill'])
  assertBytes(reply.body, CONTENT)
}

function rangesOf(upstream: Upstream): (string | undefined)[] {
  return upstream.requests.filter(({ path }) => path.endsWith('.rpm')).map(({ range }) => range)
}

async function start(
  t: TestContext,
  sources = 1,
  mirror: Partial<MirrorConfig> = {},
): Promise<Farm & { first: Upstream; second: Upstream }> {
  const farm = await startFarm(t, { packages: PACKAGES, sources, mirror })
  const [first, second] = farm.sources
  assert.ok(first)
  return { ...farm, first, second: second ?? first }
}

const BREAKS: readonly [string, (at: number) => Behaviour][] = [
  ['is reset', (at) => ({ cutAt: at, reset: true })],
  ['is closed', (at) => ({ cutAt: at })],
  ['ends early, with its length wrong', (at) => ({ shortenTo: at })],
]

describe('a body that breaks off', () => {
  for (const [what, behaviour] of BREAKS)
    for (const at of [0, 1, 65_536, 283_616, SIZE - 1])
      test(`goes on from where it ${what}, byte ${at}, by a range on the condition that the file is the same`, async (t) => {
        const farm = await start(t)
        farm.first.rules = [rule(behaviour(at), 1)]
        await expectRight(farm)
        await farm.first.settled()
        const [, range] = rangesOf(farm.first)
        const from = Number(/^bytes=(\d+)-$/.exec(range ?? 'bytes=0-')?.[1])
        // The end of a connection may take with it what was under way.
        if (what === 'ends early, with its length wrong') assert.equal(from, Math.max(0, at - OVERLAP))
        else assert.ok(from <= Math.max(0, at - OVERLAP))
        const last = farm.first.requests.at(-1)
        if (from > 0) assert.match(String(last?.headers['if-range']), /^".*"$/)
        assert.equal(last?.bytesSent, SIZE - from, 'nothing else came twice')
        assert.equal(rangesOf(farm.first).length, 2)
      })

  test('goes on at another source, when the first one has gone for good', async (t) => {
    const farm = await start(t, 2)
    farm.first.rules = [
      rule({ cutAt: 200_000, before: () => void (farm.first.rules = [rule({ hangUp: true })]) }),
    ]
    await expectRight(farm)
    const [range, ...more] = rangesOf(farm.second)
    // The end of a connection may take with it what was under way.
    assert.ok(Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1]) <= 200_000 - OVERLAP, range)
    assert.deepEqual(more, [])
    assert.equal(
      farm.second.requests[0]?.headers['if-range'],
      undefined,
      'a tag of the other source says nothing',
    )
  })

  test('goes on as often as it has to', async (t) => {
    const farm = await start(t)
    farm.first.rules = [rule({ cutAt: 60_000, reset: true }, 4)]
    await expectRight(farm)
    assert.equal(rangesOf(farm.first).length, 5)
  })

  test('and never brings anything more ends soon', async (t) => {
    const farm = await start(t)
    farm.first.rules = ({ range, path }) =>
      path.endsWith('.rpm') ? { cutAt: range === undefined ? 100_000 : 0 } : undefined
    const reply = await farm.get(HREF)
    assert.ok(!reply.complete || reply.status === 502)
    assert.ok(rangesOf(farm.first).length <= 6, `${rangesOf(farm.first).length} requests`)
  })
})

test('all bytes are the whole, when more were announced and the connection stays: nothing more is waited for, or asked for', async (t) => {
  const farm = await start(t, 1, { timeoutMs: 3_600_000 })
  t.mock.timers.enable({ apis: ['setTimeout'] })
  farm.first.rules = [rule({ contentLength: SIZE + 1, stall: { afterBytes: SIZE, until: gate() } })]
  let isOver = false
  const asked = expectRight(farm).finally(() => (isOver = true))
  asked.catch(() => undefined)
  await farm.first.waitFor('.rpm')
  while (farm.first.requests.at(-1)?.bytesSent !== SIZE) await nextTurn()
  while (!isOver) {
    for (let turn = 0; turn < 200; turn += 1) await nextTurn()
    t.mock.timers.tick(1_000)
  }
  await asked
  assert.equal(rangesOf(farm.first).length, 1)
  t.mock.timers.reset()
})

describe('a source that makes of a range', () => {
  for (const ranges of ['ignored', 'refused', 'shifted', 'lying'] as const)
    for (const sources of [1, 2])
      test(`what it likes (${ranges}) costs the client nothing, with ${sources} sources`, async (t) => {
        const farm = await start(t, sources)
        farm.first.rules = [rule({ cutAt: 200_000 }, 1), rule({ ranges })]
        if (sources === 2) farm.second.rules = [rule({ ranges }, 1)]
        await expectRight(farm)
      })
})

describe('a source that lies about bytes', () => {
  test('is found out before the end is released: a client whose part was right gets the rest elsewhere', async (t) => {
    for (const flipByteAt of [SIZE - 1, SIZE - 16_384, SIZE - 100]) {
      const farm = await start(t, 2)
      farm.first.rules = [rule({ flipByteAt })]
      await expectRight(farm)
      assert.deepEqual([rangesOf(farm.first), rangesOf(farm.second)], [[undefined], [undefined]])
      await farm.close()
    }
  })

  test('does not lose its client, though the others take their time: what is held back trickles, but for its last', async (t) => {
    const farm = await start(t, 2, { timeoutMs: 3_600_000 })
    const { port, pathname } = new URL(farm.snapshot)
    const late = gate()
    farm.first.rules = [rule({ flipByteAt: SIZE - 1 })]
    farm.second.rules = [rule({ hold: late })]
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const connection = await Connection.open(Number(port))
    t.after(() => connection.close())
    connection.ask(pathname + HREF)
    await farm.second.waitFor(HREF)
    await connection.received(SIZE - HOLD_BACK_BYTES)
    for (const bytes of [SIZE - HOLD_BACK_BYTES + TRICKLE_BYTES, SIZE - LAST_BYTES])
      while (connection.unread < bytes) {
        t.mock.timers.tick(1_000)
        await nextTurn()
      }
    late.open()
    const reply = await connection.reply()
    t.mock.timers.reset()
    assertBytes(reply.body, CONTENT)
  })

  test('is asked after the others for a while, and then tried again', async (t) => {
    const packages = Array.from({ length: 12 }, (_, index) => ({
      name: `p${index}`,
      href: `p${index}.rpm`,
      content: 30_000,
    }))
    let offsetMs = 0
    const now = performance.now.bind(performance)
    t.mock.method(performance, 'now', () => now() + offsetMs)
    const farm = await startFarm(t, { packages, sources: 2 })
    const [liar, honest] = farm.sources
    assert.ok(liar && honest)
    liar.rules = [rule({ flipByteAt: 20_000 })]
    for (const { href } of packages.slice(0, 8)) {
      assert.equal((await farm.get(href)).complete, true)
      offsetMs += 100
    }
    assert.ok(liar.count() <= 3, `${liar.count()} wrong transfers for 8 packages`)
    liar.rules = []
    offsetMs += 10_000
    for (const { href } of packages.slice(8)) assert.equal((await farm.get(href)).complete, true)
    assert.ok(liar.count() >= 4, 'it is first again')
  })

  test('in the rest that it gave is found out as well', async (t) => {
    const farm = await start(t, 2)
    farm.first.rules = [rule({ cutAt: 200_000 }, 1)]
    farm.second.rules = [rule({ flipByteAt: 290_000 }, 1)]
    await expectRight(farm)
  })

  test('in what the client has already ends its connection: never a whole body that is wrong', async (t) => {
    const farm = await start(t, 2)
    const goOn = gate()
    farm.first.rules = [rule({ flipByteAt: 5, stall: { afterBytes: 250_000, until: goOn } })]
    const asked = farm.get(HREF)
    await farm.first.waitFor('.rpm')
    goOn.open()
    const reply = await asked
    if (reply.complete) assertBytes(reply.body, CONTENT)
    assert.equal((await farm.get(HREF)).complete, true)
  })

  test('after the file became another in the middle is told by its tag, and the whole is right or nothing', async (t) => {
    const farm = await start(t, 2)
    farm.first.rules = [
      rule({ cutAt: 100_000, headers: { ETag: '"before"' } }, 1),
      rule({ flipByteAt: 200_000 }),
    ]
    await expectRight(farm)
  })
})

test('whichever byte is wrong, at whichever source, and wherever it breaks: what ends is right', async (t) => {
  const farm = await start(t, 3)
  const third = farm.sources[2]
  assert.ok(third)
  for (let round = 0; round < 12; round += 1) {
    const at = (round * 27_449) % SIZE
    for (const source of [farm.first, farm.second])
      source.rules = [
        rule(round % 2 === 0 ? { flipByteAt: at } : { cutAt: at, reset: true, ranges: 'lying' }),
      ]
    const reply = await farm.get(HREF)
    if (reply.complete && reply.status === 200) assertBytes(reply.body, CONTENT)
    else assert.ok(reply.status === 502 || !reply.complete)
  }
  for (const source of farm.sources) source.rules = []
  assertBytes((await farm.get(HREF)).body, CONTENT)
})

/** Bytes of a body after which no more come. */
const STALLED_AT = 200_000

describe('a source that stalls', () => {
  test('in the middle is overtaken after 10 s by another one, from where it stopped', async (t) => {
    const farm = await start(t, 2)
    t.mock.timers.enable({ apis: ['setTimeout'] })
    farm.first.rules = [rule({ stall: { afterBytes: STALLED_AT, until: gate() } })]
    const reply = await fetch(farm.snapshot + HREF)
    assert.ok(reply.body)
    const pieces: Uint8Array[] = []
    let received = 0
    for await (const piece of reply.body) {
      pieces.push(piece as Uint8Array)
      received += piece.length
      // No time passes before all has come that will.
      while (received === STALLED_AT && farm.second.count() === 0) {
        t.mock.timers.tick(1_000)
        await nextTurn()
      }
    }
    const bytes = Buffer.concat(pieces)
    t.mock.timers.reset()
    assertBytes(bytes, CONTENT)
    assert.deepEqual(rangesOf(farm.second), ['bytes=198976-'])
  })

  test('before its answer is overtaken after 5 s, and then not asked first again', async (t) => {
    const packages = [...PACKAGES, { name: 'q', href: 'Packages/q.rpm', content: 5_000 }]
    const farm = await startFarm(t, { packages, sources: 2, mirror: { timeoutMs: 7_000 } })
    const [first, second] = farm.sources
    assert.ok(first && second)
    t.mock.timers.enable({ apis: ['setTimeout'] })
    first.rules = [{ match: '.rpm', hold: gate() }]
    const asked = farm.get(HREF)
    await first.waitFor('p.rpm')
    t.mock.timers.tick(4_999)
    assert.equal(second.count(), 0)
    t.mock.timers.tick(1)
    assertBytes((await asked).body, CONTENT)
    const before = first.count()
    // It is still silent, and no time passes: whoever waited for it would wait for ever.
    assert.equal((await farm.get('Packages/q.rpm')).body.length, 5_000)
    assert.equal(first.count(), before)
    t.mock.timers.reset()
  })
})

test('one slow source does not slow the files of others', async (t) => {
  const packages = Array.from({ length: 30 }, (_, index) => ({ name: `p${index}`, content: 20_000 }))
  const farm = await startFarm(t, { packages, sources: 2 })
  const [slow, well] = farm.sources
  assert.ok(slow && well)
  // It takes the first request and nothing more comes of it; as soon as that is known, nobody waits for it.
  slow.rules = [
    { match: '.rpm', times: 1, hangUp: true },
    { match: '.rpm', hold: gate() },
  ]
  const startedAt = performance.now()
  const replies = await Promise.all(
    packages.map(({ name }) => farm.get(`Packages/p/${name}-1.0-1.noarch.rpm`)),
  )
  assert.ok(replies.every(({ status, complete }) => status === 200 && complete))
  assert.ok(performance.now() - startedAt < 20_000)
})

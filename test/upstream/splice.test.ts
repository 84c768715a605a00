import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import * as fc from 'fast-check'

import { SplicedBody, type BodyPart, type SpliceOptions } from '../../src/upstream/splice.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { seededBytes } from '../support/seeded-bytes.ts'

const CONTENT = seededBytes('spliced', 20_000)

const OPTIONS: Omit<SpliceOptions, 'reopen'> = {
  size: CONTENT.length,
  onSlow: () => undefined,
  onJudged: () => undefined,
  hasOthers: () => false,
  now: () => 0,
  signal: undefined,
}

/** What a source makes of being asked from an offset on. */
interface Play {
  readonly gives: 'rest' | 'whole' | 'nothing'
  /** Bytes of the file from its start that it gives before it ends, well or not. */
  readonly until: number
  readonly breaks: boolean
  readonly pieces: readonly number[]
}

async function* play(
  from: number,
  { until, breaks, pieces }: Omit<Play, 'gives'>,
): AsyncGenerator<Uint8Array> {
  for (let at = from, piece = 0; at < until; piece += 1) {
    const size = Math.min(pieces[piece % pieces.length] ?? 1, until - at)
    await nextTurn()
    yield CONTENT.subarray(at, at + size)
    at += size
  }
  if (breaks) throw new Error('broke off')
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A clock on which each piece takes this long. */
function trickle(secondsAPiece: number) {
  let nowMs = 0
  const slow: string[] = []
  const options = {
    ...OPTIONS,
    now: () => (nowMs += (secondsAPiece * 1000) / 2),
    onSlow: (message: string) => void slow.push(message),
  }
  return { slow, options }
}

async function* stalling(until: number, then: Promise<void>): AsyncGenerator<Uint8Array> {
  yield CONTENT.subarray(0, until)
  await then
  yield CONTENT.subarray(until)
}

function nobody(): Promise<BodyPart> {
  return Promise.reject(new Error('nobody'))
}

const arbitraryPlay: fc.Arbitrary<Play> = fc.record({
  gives: fc.constantFrom('rest', 'rest', 'rest', 'whole', 'nothing'),
  until: fc.oneof(fc.constant(CONTENT.length), fc.nat(CONTENT.length)),
  breaks: fc.boolean(),
  pieces: fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 4 }),
})

test('however parts break off and begin again: what comes is the file, or its beginning', async () => {
  const property = fc.asyncProperty(
    fc.array(arbitraryPlay, { minLength: 1, maxLength: 12 }),
    async (plays) => {
      const [first, ...others] = plays
      assert.ok(first)
      const left = [...others]
      const reopen = async (offset: number): Promise<BodyPart> => {
        const next = left.shift()
        if (next === undefined || next.gives === 'nothing') throw new Error('nobody')
        const from = next.gives === 'rest' ? offset : 0
        return { offset: from, body: play(from, next) }
      }
      const received: Uint8Array[] = []
      const body = new SplicedBody(play(0, first), { ...OPTIONS, reopen })
      const failed = await (async () => {
        for await (const chunk of body) received.push(Buffer.from(chunk))
      })().then(
        () => false,
        () => true,
      )
      const bytes = Buffer.concat(received)
      assertBytes(bytes, CONTENT.subarray(0, bytes.length))
      if (first.until === CONTENT.length && !first.breaks)
        assert.ok(!failed && bytes.length === CONTENT.length)
    },
  )
  await fc.assert(property, { seed: 20_161_213, numRuns: 500 })
})

describe('a rest', () => {
  const whole = { until: CONTENT.length, breaks: false, pieces: [700] }

  test('of another file is not taken: where it should agree with the beginning it does not', async () => {
    const other = seededBytes('another', CONTENT.length)
    let asked = 0
    const reopen = async (offset: number): Promise<BodyPart> => {
      asked += 1
      if (asked === 2) return { offset, body: play(offset, whole) }
      return {
        offset,
        body: (async function* () {
          yield other.subarray(offset)
        })(),
      }
    }
    const first = play(0, { until: 5_000, breaks: true, pieces: [1_234] })
    assertBytes(await collect(new SplicedBody(first, { ...OPTIONS, reopen })), CONTENT)
    assert.equal(asked, 2)
  })

  test('is asked for a few times, not for ever, when nothing more ever comes', async () => {
    let asked = 0
    const reopen = async (offset: number): Promise<BodyPart> => {
      asked += 1
      return { offset, body: play(offset, { until: 5_000, breaks: true, pieces: [999] }) }
    }
    const first = play(0, { until: 5_000, breaks: true, pieces: [999] })
    await assert.rejects(collect(new SplicedBody(first, { ...OPTIONS, reopen })), /broke off/)
    assert.equal(asked, 2)
  })

  test('one byte at a time is not asked for without end either', async () => {
    let asked = 0
    const reopen = async (offset: number): Promise<BodyPart> => {
      asked += 1
      const known = Math.min(1_024, asked + 4_999)
      return { offset, body: play(offset, { until: offset + known + 1, breaks: true, pieces: [9_999] }) }
    }
    const first = play(0, { until: 5_000, breaks: true, pieces: [999] })
    await assert.rejects(collect(new SplicedBody(first, { ...OPTIONS, reopen })), /broke off/)
    assert.equal(asked, 8)
  })

  test('without a known size an end is the end', async () => {
    const first = play(0, { until: 5_000, breaks: false, pieces: [999] })
    const { size: _, ...others } = OPTIONS
    assert.equal(
      (await collect(new SplicedBody(first, { ...others, size: undefined, reopen: nobody }))).length,
      5_000,
    )
  })
})

describe('a body that has all its bytes', () => {
  const noRest = { ...OPTIONS, reopen: () => assert.fail('a rest was asked for') }

  test('ends though its connection does not', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const never = new Promise<void>(() => undefined)
    let bytes: Buffer | undefined
    void collect(new SplicedBody(stalling(CONTENT.length, never), noRest)).then((all) => (bytes = all))
    for (let turn = 0; turn < 20; turn += 1) await nextTurn()
    t.mock.timers.tick(1_000)
    await nextTurn()
    assertBytes(bytes ?? Buffer.alloc(0), CONTENT)
  })

  test('ends however its connection does', async () => {
    const first = play(0, { until: CONTENT.length, breaks: true, pieces: [7_000] })
    assertBytes(await collect(new SplicedBody(first, noRest)), CONTENT)
  })

  test('and more is not the file, and given on as what it is', async () => {
    const first = play(0, { until: CONTENT.length, breaks: false, pieces: [7_000] })
    const size = CONTENT.length - 1
    assertBytes(await collect(new SplicedBody(first, { ...noRest, size })), CONTENT)
    const longer = play(0, { until: CONTENT.length, breaks: false, pieces: [7_000] })
    assertBytes(await collect(new SplicedBody(longer, { ...noRest, size: 7_000 })), CONTENT)
  })
})

describe('a part that trickles', () => {
  test('is left for another source, where there is one', async () => {
    const { slow, options } = trickle(1)
    let asked = 0
    const reopen = async (offset: number): Promise<BodyPart> => {
      asked += 1
      return { offset, body: play(offset, { until: CONTENT.length, breaks: false, pieces: [9_000] }) }
    }
    const first = play(0, { until: CONTENT.length, breaks: false, pieces: [100] })
    assertBytes(await collect(new SplicedBody(first, { ...options, hasOthers: () => true, reopen })), CONTENT)
    assert.equal(asked, 1)
    assert.match(slow.join(), /^sends too slowly: \d+ bytes\/s$/)
  })

  test('is read on where nobody else can give the rest', async () => {
    for (const hasOthers of [false, true]) {
      const { options } = trickle(1)
      const first = play(0, { until: CONTENT.length, breaks: false, pieces: [100] })
      const body = new SplicedBody(first, { ...options, hasOthers: () => hasOthers, reopen: nobody })
      assertBytes(await collect(body), CONTENT)
    }
  })
})

describe('a part that stalls', () => {
  test('goes on itself when that is sooner than anybody else', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { promise, resolve } = Promise.withResolvers<void>()
    let aborted = false
    const asked = Promise.withResolvers<void>()
    const reopen = (_: number, signal: AbortSignal) => {
      signal.addEventListener('abort', () => (aborted = true))
      asked.resolve()
      return new Promise<BodyPart>(() => undefined)
    }
    const bytes = collect(new SplicedBody(stalling(7_000, promise), { ...OPTIONS, reopen }))
    await nextTurn()
    t.mock.timers.tick(10_000)
    await asked.promise
    resolve()
    assertBytes(await bytes, CONTENT)
    assert.equal(aborted, true)
  })

  test('is overtaken by the rest from elsewhere, and given up', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const reopen = async (offset: number): Promise<BodyPart> => ({
      offset,
      body: play(offset, { until: CONTENT.length, breaks: false, pieces: [3_000] }),
    })
    const never = new Promise<void>(() => undefined)
    const slow: string[] = []
    const options = { ...OPTIONS, reopen, onSlow: (message: string) => void slow.push(message) }
    const bytes = collect(new SplicedBody(stalling(7_000, never), options))
    await nextTurn()
    t.mock.timers.tick(10_000)
    assertBytes(await bytes, CONTENT)
    assert.deepEqual(slow, ['sent nothing for 10 s'])
  })
})

test('of a file that comes whole again, what is known already takes no memory, in however many pieces', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const pieces = 100_000
  const bytes = Buffer.alloc(pieces * 2)
  let grown = 0
  const first = async function* () {
    yield bytes.subarray(0, -2)
    throw new Error('broke off')
  }
  const live = async () => {
    await nextTurn()
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  const whole = async function* () {
    const before = await live()
    for (let piece = 0; piece < pieces; piece += 1) {
      if (piece === pieces - 10) grown = (await live()) - before
      yield bytes.subarray(piece * 2, piece * 2 + 2)
    }
  }
  const options = { ...OPTIONS, size: bytes.length, reopen: async () => ({ offset: 0, body: whole() }) }
  const body = await collect(new SplicedBody(first(), options))
  assert.equal(body.length, bytes.length)
  assert.ok(grown < 8 << 20, `${grown >> 20} MiB`)
})

test('what is given up while it is waited for asks nobody else', async () => {
  const { promise, resolve } = Promise.withResolvers<IteratorResult<Uint8Array, undefined>>()
  const done = { done: true, value: undefined } as const
  const endless: AsyncIterator<Uint8Array> = {
    next: () => promise,
    return: async () => {
      resolve(done)
      return done
    },
  }
  let asked = 0
  const reopen = async () => {
    asked += 1
    throw new Error('nobody else has it')
  }
  const body = new SplicedBody({ [Symbol.asyncIterator]: () => endless }, { ...OPTIONS, reopen })
  const next = body.next()
  await body.return()
  assert.deepEqual([await next, asked], [done, 0])
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'

import { digestOf } from '../../../src/model/digest.ts'
import { toDiffView } from '../../../src/snapshot/diff/diff-document.ts'
import { DiffRunner, type DiffDocument } from '../../../src/snapshot/diff/diff-runner.ts'
import type { SnapshotPair } from '../../../src/snapshot/diff/snapshot-diff.ts'

/** Comparisons that end when the test says so. */
class Desk {
  /** Those that were begun. */
  readonly begun: SnapshotPair[] = []
  readonly stopped: SnapshotPair[] = []
  #finish: (() => void) | undefined
  readonly runner = new DiffRunner('/nonexistent', (pair, signal) => this.#compare(pair, signal))

  /** Ends the one that runs, and gives time for what follows from that. */
  async finish(): Promise<void> {
    this.#finish?.()
    await turn()
  }

  async #compare(pair: SnapshotPair, signal: AbortSignal): Promise<DiffDocument> {
    this.begun.push(pair)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#finish = resolve
    await Promise.race([promise, once(signal, 'abort')])
    if (signal.aborted) this.stopped.push(pair)
    signal.throwIfAborted()
    const body = Buffer.from(pair.to)
    return { body, digest: digestOf(body), excerpt: toDiffView({ ...pair, ...NOTHING }) }
  }
}

const NOTHING = {
  replaced: [],
  downgraded: [],
  upgraded: [],
  removed: [],
  added: [],
  advisories: [],
  advisoriesError: undefined,
  metadata: [],
}

function pairOf(to: string): SnapshotPair {
  return { mirror: 'm', from: 'first', to }
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

describe('comparisons', () => {
  test('run one at a time in the order of their coming, one for all who ask for the same', async () => {
    const desk = new Desk()
    const answers = ['a', 'b', 'a', 'b'].map((to) => desk.runner.diff(pairOf(to)))
    assert.deepEqual(desk.begun, [pairOf('a')])
    await desk.finish()
    await desk.finish()
    const bodies = (await Promise.all(answers)).map(({ body }) => body.toString())
    assert.deepEqual(bodies, ['a', 'b', 'a', 'b'])
    await desk.runner.diff(pairOf('a'))
    assert.deepEqual(desk.begun, [pairOf('a'), pairOf('b')])
  })

  test('are refused when many wait, though not one that is waited for, and taken again when there is room', async () => {
    const desk = new Desk()
    const answers = Array.from({ length: 17 }, (_, number) => desk.runner.diff(pairOf(`${number}`)))
    await assert.rejects(desk.runner.diff(pairOf('more')), { code: 'TOO_BUSY' })
    const joined = desk.runner.diff(pairOf('16'))
    await desk.finish()
    const late = desk.runner.diff(pairOf('late'))
    for (let times = 0; times < 17; times += 1) await desk.finish()
    await Promise.all([...answers, joined, late])
    assert.equal(desk.begun.length, 18)
  })

  test('end when everybody who asked has gone, and make room at once', async () => {
    const desk = new Desk()
    const [one, other] = [new AbortController(), new AbortController()]
    const first = desk.runner.diff(pairOf('a'), one.signal)
    const second = desk.runner.diff(pairOf('a'), other.signal)
    const next = desk.runner.diff(pairOf('b'))
    one.abort()
    await turn()
    assert.deepEqual(desk.stopped, [])
    other.abort()
    await Promise.all([assert.rejects(first), assert.rejects(second)])
    await turn()
    assert.deepEqual([desk.stopped, desk.begun], [[pairOf('a')], [pairOf('a'), pairOf('b')]])
    await desk.finish()
    assert.equal((await next).body.toString(), 'b')
  })

  test('that nobody waits for any more are not begun', async () => {
    const desk = new Desk()
    const running = desk.runner.diff(pairOf('running'))
    const gone = new AbortController()
    const left = Array.from({ length: 16 }, (_, number) => desk.runner.diff(pairOf(`${number}`), gone.signal))
    gone.abort()
    const results = await Promise.allSettled(left)
    assert.ok(results.every(({ status }) => status === 'rejected'))
    const next = desk.runner.diff(pairOf('next'))
    await desk.finish()
    await desk.finish()
    await Promise.all([running, next])
    assert.deepEqual(desk.begun, [pairOf('running'), pairOf('next')])
    await assert.rejects(desk.runner.diff(pairOf('x'), gone.signal))
  })

  test('of whoever comes back while the old one still ends begin anew', async () => {
    const desk = new Desk()
    const gone = new AbortController()
    const left = desk.runner.diff(pairOf('a'), gone.signal)
    gone.abort()
    const back = desk.runner.diff(pairOf('a'))
    await assert.rejects(left)
    await turn()
    await desk.finish()
    assert.equal((await back).body.toString(), 'a')
    assert.equal(desk.begun.length, 2)
  })

  test('end with the server, those that wait as well', async () => {
    const desk = new Desk()
    const answers = ['a', 'b'].map((to) => desk.runner.diff(pairOf(to)))
    desk.runner.close()
    for (const answer of answers) await assert.rejects(answer, { code: 'SHUTTING_DOWN' })
    await assert.rejects(desk.runner.diff(pairOf('c')), { code: 'SHUTTING_DOWN' })
  })
})

import { Random } from '../support/random.ts'
import { lengthen, mutate } from './mutate.ts'
import type { FuzzTarget } from './target.ts'

/** What a run came to. */
export interface FuzzReport {
  readonly cases: number
  /** Kinds of outcomes that there were. */
  readonly kinds: number
  /** Milliseconds of the slowest case. */
  readonly slowestMs: number
  /** How many requests they were, where a case is a connection. */
  readonly requests?: number
}

/** How a run goes. */
export interface FuzzOptions {
  readonly cases: number
  readonly seed: number
  /** Told of every case before it runs, so that whoever watches sees one that never ends. */
  readonly onCase?: (number: number) => void
}

/** Inputs of a few kilobytes, and one in so many of a hundred: what takes longer than this hangs, or would with a longer one. */
const LONGEST_MS = 5_000
const LONG_ONES = 80
/** Beyond this many inputs new ones replace old ones. */
const MAX_CORPUS = 2_000

/** Runs a target on inputs made of those that led to outcomes of a new kind. The same seed makes the same ones. */
export function fuzz(target: FuzzTarget, { cases, seed, onCase }: FuzzOptions): FuzzReport {
  const random = new Random(seed)
  const corpus: Buffer[] = target.seeds.map((input) => Buffer.from(input))
  const kinds = new Set<string>()
  let slowestMs = 0
  for (let number = 0; number < cases; number += 1) {
    onCase?.(number)
    const isLong = target.isOwn !== true && number >= target.seeds.length && random.once(LONG_ONES)
    const input = isLong
      ? lengthen(random.pick(corpus), { random, words: target.words })
      : (corpus[number] ?? nextInput(corpus, random, target.words))
    const startedAt = performance.now()
    const kind = runCase(target, input, random, `${target.name}, seed ${seed}, case ${number}`)
    slowestMs = Math.max(slowestMs, performance.now() - startedAt)
    if (slowestMs > LONGEST_MS)
      throw failure(`${target.name}, seed ${seed}, case ${number} took ${slowestMs} ms`, input)
    // Those that are made of a long one are no news, and slow.
    if (isLong || kinds.has(kind)) continue
    kinds.add(kind)
    if (corpus.length < MAX_CORPUS) corpus.push(input)
    else corpus[random.below(corpus.length)] = input
  }
  return { cases, kinds: kinds.size, slowestMs }
}

function nextInput(corpus: readonly Buffer[], random: Random, words: readonly string[]): Buffer {
  return mutate(random.pick(corpus), { random, words, other: random.pick(corpus) })
}

function runCase(target: FuzzTarget, input: Buffer, random: Random, name: string): string {
  try {
    return target.check(input, random)
  } catch (error) {
    throw failure(
      `${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      input,
    )
  }
}

function failure(message: string, input: Buffer): Error {
  return new Error(
    `${message}\ninput, base64: ${input.toString('base64')}\nas text: ${JSON.stringify(input.toString('latin1').slice(0, 2_000))}`,
  )
}

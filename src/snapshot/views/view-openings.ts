import { setImmediate as nextTurn } from 'node:timers/promises'

import type { PinyonError } from '../../model/errors.ts'
import type { ViewOpening } from './views.ts'

/** Openings that one transaction takes at most: some five milliseconds of the thread. */
const OPENED_AT_ONCE = 200

/** An opening on its way into the database. */
export interface WaitingOpening {
  readonly request: ViewOpening & { readonly name: string }
  /** Whether it must survive a power cut. */
  durable: boolean
  /** Set by the transaction; without it the opening waits for the next one. */
  result: { readonly generation: number } | { readonly error: PinyonError } | undefined
  readonly resolve: (generation: number) => void
  readonly reject: (error: unknown) => void
}

/**
 * Openings of views that wait for a transaction: those of one turn of the event loop share it, and its fsync, so that a thousand jobs that
 * start at the same second cost a few. Between transactions other requests have their turn.
 */
export class OpeningQueue {
  readonly #write: (openings: readonly WaitingOpening[], durable: boolean) => Promise<void>
  #waiting: WaitingOpening[] = []
  #writing = false

  /** @param write opens them in one transaction and sets their results; durable when one of them is */
  constructor(write: (openings: readonly WaitingOpening[], durable: boolean) => Promise<void>) {
    this.#write = write
  }

  /** Resolves with the generation once it is written. Throws what the transaction threw, or the opening's own error. */
  async add(request: WaitingOpening['request'], durable: boolean): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.#waiting.push({ request, durable, result: undefined, resolve, reject })
    if (!this.#writing) void this.#writeAll()
    return await promise
  }

  async #writeAll(): Promise<void> {
    this.#writing = true
    while (this.#waiting.length > 0) {
      await nextTurn()
      await this.#writeSome()
    }
    this.#writing = false
  }

  async #writeSome(): Promise<void> {
    const openings = this.#waiting.splice(0, OPENED_AT_ONCE)
    try {
      await this.#write(
        openings,
        openings.some((opening) => opening.durable),
      )
    } catch (error) {
      for (const { reject } of openings) reject(error)
      return
    }
    for (const { result, resolve, reject } of openings) {
      if (result === undefined) continue
      if ('error' in result) reject(result.error)
      else resolve(result.generation)
    }
    this.#waiting.unshift(...openings.filter(({ result }) => result === undefined))
  }
}

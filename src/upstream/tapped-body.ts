/** What hears of a body as it is read. One of the last three is called, once. */
export interface BodyTap {
  /**
   * Bytes have come, that were waited for so long, in milliseconds. What it throws breaks the body off.
   * @returns what has to be waited for before they go on, if anything
   */
  bytes(count: number, waitedMs: number): Promise<void> | undefined
  /** It has come to its end. What it throws is the end instead. */
  end(): void
  /** It has failed. @returns what with */
  fail(error: unknown): unknown
  /** Nobody reads on who had begun to. */
  left?(): void
}

type Step = IteratorResult<Uint8Array, unknown>

const DONE = { done: true, value: undefined } as const

/** A body that somebody listens to. Of a generator each piece would cost several promises more. */
export class TappedBody implements AsyncIterableIterator<Uint8Array> {
  readonly #body: AsyncIterator<Uint8Array>
  readonly #tap: BodyTap
  readonly #now: () => number
  #askedAt = 0
  #state: 'new' | 'read' | 'over' = 'new'

  /** @param now milliseconds of a clock that only goes forward */
  constructor(body: AsyncIterable<Uint8Array>, tap: BodyTap, now: () => number) {
    this.#body = body[Symbol.asyncIterator]()
    this.#tap = tap
    this.#now = now
  }

  /** One call at a time. */
  next(): Promise<Step> {
    if (this.#state === 'over') return Promise.resolve(DONE)
    this.#state = 'read'
    this.#askedAt = this.#now()
    return this.#body.next().then(this.#take, this.#fail)
  }

  async return(): Promise<Step> {
    const wasRead = this.#state === 'read'
    if (this.#state === 'over') return DONE
    this.#state = 'over'
    try {
      await this.#body.return?.()
    } finally {
      if (wasRead) this.#tap.left?.()
    }
    return DONE
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  readonly #take = (step: Step): Step | Promise<Step> => {
    if (this.#state === 'over') return DONE
    if (step.done === true) {
      this.#state = 'over'
      this.#tap.end()
      return step
    }
    let waiting: Promise<void> | undefined
    try {
      waiting = this.#tap.bytes(step.value.length, this.#now() - this.#askedAt)
    } catch (error) {
      return this.#breakOff(error)
    }
    return waiting === undefined
      ? step
      : waiting.then(
          () => step,
          (error: unknown) => this.#breakOff(error),
        )
  }

  readonly #fail = (error: unknown): never => {
    if (this.#state === 'over') throw error
    this.#state = 'over'
    throw this.#tap.fail(error)
  }

  #breakOff(error: unknown): never {
    void this.#giveUp()
    return this.#fail(error)
  }

  async #giveUp(): Promise<void> {
    try {
      await this.#body.return?.()
    } catch {
      // Why it is given up is told already.
    }
  }
}

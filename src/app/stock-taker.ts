import type { StockStore } from '../snapshot/prefetch/prefetch-store.ts'

/** How late it is counted what has become cached, in milliseconds: a count costs some tens of milliseconds a mirror. */
const COUNT_INTERVAL_MS = 60_000

/** Counts how much of snapshots is cached, now and then, for mirrors of which that may have changed. */
export class StockTaker {
  readonly #stock: StockStore
  readonly #onError: (error: unknown) => void
  readonly #changed = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #counting: Promise<void> = Promise.resolve()
  readonly #close = new AbortController()

  constructor(stock: StockStore, onError: (error: unknown) => void) {
    this.#stock = stock
    this.#onError = onError
  }

  /** Counts these soon, and from now on what changes. */
  start(mirrors: readonly string[]): void {
    for (const mirror of mirrors) this.#changed.add(mirror)
    this.#timer = setInterval(() => void this.count(), COUNT_INTERVAL_MS).unref()
  }

  /** Something of this mirror was stored or removed. */
  note(mirror: string): void {
    this.#changed.add(mirror)
  }

  /** Counts what has changed. Never rejects. */
  async count(): Promise<void> {
    this.#counting = this.#counting.then(() => this.#count())
    await this.#counting
  }

  async close(): Promise<void> {
    this.#close.abort()
    clearInterval(this.#timer)
    await this.#counting
  }

  async #count(): Promise<void> {
    const changed = [...this.#changed]
    this.#changed.clear()
    const { signal } = this.#close
    for (const mirror of changed) {
      if (signal.aborted) return
      await this.#stock.recount(mirror, signal).catch((error: unknown) => {
        if (!signal.aborted) this.#onError(error)
      })
    }
  }
}

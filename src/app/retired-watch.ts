import type { SnapshotReader } from '../snapshot/store.ts'

/** How often it is looked, in milliseconds. */
const INTERVAL_MS = 30_000

/**
 * Sees that snapshots were retired by another process on the same directory, or by a collection that was killed before it could tell, so
 * that what is remembered of them does not answer for ever.
 */
export class RetiredWatch {
  readonly #store: Pick<SnapshotReader, 'retiredCount'>
  readonly #onRetired: () => void
  #timer: NodeJS.Timeout | undefined
  #known: number | undefined

  constructor(store: Pick<SnapshotReader, 'retiredCount'>, onRetired: () => void) {
    this.#store = store
    this.#onRetired = onRetired
  }

  /** Looks from now on now and then. */
  start(): void {
    this.#timer ??= setInterval(() => void this.look().catch(() => undefined), INTERVAL_MS).unref()
  }

  /** Looks now. */
  async look(): Promise<void> {
    const count = await this.#store.retiredCount()
    if (this.#known !== undefined && count !== this.#known) this.#onRetired()
    this.#known = count
  }

  close(): void {
    clearInterval(this.#timer)
  }
}

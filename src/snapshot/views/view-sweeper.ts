import type { Logger } from '../../system/logger.ts'
import type { ViewStore } from './views.ts'

/** How often, in milliseconds. When the machine loses power, views last longer by no more than this and the time it was off. */
const INTERVAL_MS = 60_000

/** Forgets views that have ended, and keeps the farm's clock noted, as long as a server runs. */
export class ViewSweeper {
  readonly #views: ViewStore
  readonly #log: Logger
  readonly #timer: NodeJS.Timeout
  #running: Promise<void> = Promise.resolve()

  constructor(views: ViewStore, log: Logger) {
    this.#views = views
    this.#log = log
    this.#timer = setInterval(() => void this.sweep(), INTERVAL_MS)
    this.#timer.unref()
  }

  /** Sweeps now, after a sweep that runs. Trouble is logged: views are right without it. */
  async sweep(): Promise<void> {
    this.#running = this.#running.then(async () => {
      try {
        await this.#views.sweep()
      } catch (error) {
        this.#log.warn({ reason: (error as Error).message }, 'sweeping views')
      }
    })
    await this.#running
  }

  /** Ends when the clock is noted for the last time. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.sweep()
  }
}

import { toPinyonError } from '../model/errors.ts'
import type { InventoryRunner } from '../snapshot/inventory/inventory-runner.ts'
import {
  compareStates,
  type InventoryState,
  type InventoryWatch,
} from '../snapshot/inventory/inventory-state.ts'
import type { Claims } from '../system/claims.ts'
import type { Logger } from '../system/logger.ts'

/** What an {@link InventoryKeeper} is built from. */
export interface InventoryKeeperOptions {
  readonly watch: InventoryWatch
  /** Once {@link InventoryKeeper.start} was called: updates where they are in no request's way. */
  readonly run: InventoryRunner
  /** In a process that answers no requests. */
  readonly runHere: InventoryRunner
  readonly claims: Pick<Claims, 'tryClaim'>
  readonly log: Logger
}

/** How often it is looked whether there is anything new, in milliseconds. */
const LOOK_MS = 1_000
/** Between two updates, and after one that failed, in milliseconds. */
const REST_MS = 5_000
const FAILED_REST_MS = 30_000
/** An update that takes longer is given up, in milliseconds: a disk that does not answer must not keep a server from its end. */
const UPDATE_MS = 60_000

/**
 * Keeps the inventory up to date with the database, whoever changes that, so that it can be made anew. Some seconds late, for a
 * server in a process of its own, and in nobody's way: trouble is logged and tried again.
 */
export class InventoryKeeper {
  readonly #options: InventoryKeeperOptions
  #timer: NodeJS.Timeout | undefined
  /** What the inventory says, as far as this process has seen to it; undefined: that is to be looked at. */
  #written: InventoryState | undefined
  #running: Promise<boolean> | undefined
  #restsUntil = 0
  #isFailing = false

  /** What the database says by now is none of its business, unless {@link start} is called. */
  constructor(options: InventoryKeeperOptions) {
    this.#options = options
    this.#written = this.#look()
  }

  /** Looks from now on; first of all whether the inventory is what the database says. */
  start(): void {
    this.#written = undefined
    this.#timer ??= setInterval(() => {
      if (performance.now() >= this.#restsUntil) void this.update()
    }, LOOK_MS).unref()
  }

  /** Brings it up to date now; false when it is not, since another process is at it, or there is trouble. Never rejects. */
  async update(): Promise<boolean> {
    // One that runs may have looked before what is to be written.
    await this.#running
    this.#running ??= this.#update().finally(() => (this.#running = undefined))
    return await this.#running
  }

  /** Writes what has changed last, and ends. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    // So that it is done here: no request waits any more, and a process would take longer to start than the update takes.
    this.#timer = undefined
    await this.update()
    this.#options.watch.close()
  }

  async #update(): Promise<boolean> {
    const { claims, log } = this.#options
    const run = this.#timer === undefined ? this.#options.runHere : this.#options.run
    const now = this.#look()
    if (now === undefined) return false
    const parts = compareStates(this.#written, now)
    if (parts === undefined) {
      this.#written = now
      return true
    }
    try {
      const claim = claims.tryClaim('inventory')
      if (claim === undefined) return false
      try {
        const { setAside } = await run(parts, AbortSignal.timeout(UPDATE_MS))
        if (setAside !== undefined) log.warn({ setAside }, 'an inventory of another database was put aside')
      } finally {
        claim.release()
      }
      // What was committed since the look is written already, or will be.
      this.#written = now
      this.#tell(undefined)
      return true
    } catch (error) {
      this.#tell(error)
      return false
    }
  }

  #look(): InventoryState | undefined {
    try {
      return this.#options.watch.look()
    } catch (error) {
      this.#tell(error)
      return undefined
    }
  }

  #tell(error: unknown): void {
    const { log } = this.#options
    this.#restsUntil = performance.now() + (error === undefined ? REST_MS : FAILED_REST_MS)
    if (error !== undefined && !this.#isFailing)
      log.warn({ reason: toPinyonError(error).message }, 'inventory not written yet')
    if (error === undefined && this.#isFailing) log.info('inventory written again')
    this.#isFailing = error !== undefined
  }
}

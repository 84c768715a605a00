import type { SyncProgress } from './sync.ts'

/** Hears of a running sync; undefined when it has ended. */
export type ProgressListener = (progress: SyncProgress | undefined) => void

/** Where running syncs report and whoever is interested listens. */
export class SyncBoard {
  readonly #listeners = new Map<string, Set<ProgressListener>>()
  readonly #running = new Map<string, SyncProgress>()

  /** How far the syncs that run are, by mirror. */
  get running(): ReadonlyMap<string, SyncProgress> {
    return this.#running
  }

  /** Listens to the syncs of one mirror; call the result to stop. */
  listen(mirror: string, listener: ProgressListener): () => void {
    const listeners = this.#listeners.get(mirror) ?? new Set()
    this.#listeners.set(mirror, listeners)
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#listeners.delete(mirror)
    }
  }

  /** Tells how far a sync is. */
  report(progress: SyncProgress): void {
    this.#running.set(progress.mirror, progress)
    for (const listener of this.#listeners.get(progress.mirror) ?? []) listener(progress)
  }

  /** Tells that a sync has ended. */
  end(mirror: string): void {
    this.#running.delete(mirror)
    for (const listener of this.#listeners.get(mirror) ?? []) listener(undefined)
  }
}

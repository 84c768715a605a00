import type { Digest } from '../../model/digest.ts'
import { toPinyonError, type ErrorCode, type PinyonError } from '../../model/errors.ts'
import type { FairPlaces } from '../../system/fair-places.ts'
import type { PackageFetches, WantedFile } from './package-fetches.ts'

/** Why a run ended before its end. */
export type StopReason = 'cache full' | 'trouble' | 'shutting down'

/** How far a run is, or how it ended. */
export interface FetchTally {
  readonly done: number
  readonly total: number
  readonly fetched: number
  /** Of what was fetched. */
  readonly bytes: number
  /** Every source was asked and has it not. */
  readonly lost: number
  /** Could not be had for another reason. */
  readonly failed: number
  /** The last of those reasons. */
  readonly reason: string | undefined
  readonly stopped: StopReason | undefined
}

/** What a run works with. */
export interface FetchRunOptions {
  readonly fetches: Pick<PackageFetches, 'open'>
  /** Those of all mirrors, by mirror. */
  readonly places: Pick<FairPlaces, 'take'>
  /** Whether so many more bytes may be stored, when so many were. */
  readonly mayStore: (bytes: number, storedBytes: number) => boolean
  /** Ask also for what was found lost just now. */
  readonly isForced: boolean
  readonly signal: AbortSignal
  readonly onProgress: (tally: FetchTally) => void
}

/** After so many failures that have nothing to do with the packages, one after the other, a run ends: upstream is in trouble. */
const MAX_TROUBLES = 5

const FULL: readonly ErrorCode[] = ['CACHE_FULL', 'NO_SPACE']
const LOST: readonly ErrorCode[] = ['PACKAGE_LOST', 'UPSTREAM_GONE', 'MIRROR_UNCONFIGURED']

/** Nothing done yet. */
export const NOTHING_FETCHED: FetchTally = {
  done: 0,
  total: 0,
  fetched: 0,
  bytes: 0,
  lost: 0,
  failed: 0,
  reason: undefined,
  stopped: undefined,
}

/** Fetches files, in this order as far as there are places, until all are done or there is a reason to stop. Never rejects. */
export async function fetchAll(files: readonly WantedFile[], options: FetchRunOptions): Promise<FetchTally> {
  const run = new FetchRun(files.length, options)
  const running = new Set<Promise<void>>()
  for (const file of files) {
    const leave = await options.places.take(file.snapshot.mirror)
    if (run.isOver(file)) {
      leave()
      break
    }
    const fetching = run.fetch(file).finally(leave)
    running.add(fetching)
    void fetching.finally(() => running.delete(fetching))
  }
  await Promise.all(running)
  return run.tally
}

class FetchRun {
  readonly #options: FetchRunOptions
  #tally: FetchTally
  #troubles = 0
  /** One file may be listed at several places, of several architectures. */
  readonly #stored = new Set<Digest>()

  constructor(total: number, options: FetchRunOptions) {
    this.#options = options
    this.#tally = { ...NOTHING_FETCHED, total }
  }

  get tally(): FetchTally {
    return this.#tally
  }

  /** Whether nothing more is to be fetched, this file included. */
  isOver({ size = 0 }: WantedFile): boolean {
    const { mayStore, signal } = this.#options
    if (signal.aborted) this.#stop('shutting down')
    else if (!mayStore(size, this.#tally.bytes)) this.#stop('cache full')
    return this.#tally.stopped !== undefined
  }

  /** Never rejects. */
  async fetch(file: WantedFile): Promise<void> {
    const { fetches, isForced, onProgress } = this.#options
    if (this.#stored.has(file.digest)) {
      this.#count({ fetched: 1 })
      return onProgress(this.#tally)
    }
    try {
      const reader = await fetches.open(file, { isUrgent: false, isForced })
      try {
        const bytes = await reader.stored()
        this.#stored.add(file.digest)
        this.#count({ fetched: 1, bytes })
      } finally {
        reader.release()
      }
      this.#troubles = 0
    } catch (error) {
      this.#fail(toPinyonError(error))
    }
    onProgress(this.#tally)
  }

  #fail(error: PinyonError): void {
    const { code, message } = error
    if (code === 'SHUTTING_DOWN') return this.#stop('shutting down')
    if (FULL.includes(code)) return this.#stop('cache full')
    if (LOST.includes(code)) this.#count({ lost: 1 })
    else this.#count({ failed: 1, reason: message })
    // Wrong bytes are of one package; what cannot be reached is of all.
    this.#troubles = error.kind.outcome === 'error_upstream' ? this.#troubles + 1 : 0
    if (this.#troubles >= MAX_TROUBLES) this.#stop('trouble')
  }

  #stop(stopped: StopReason): void {
    this.#tally = { ...this.#tally, stopped: this.#tally.stopped ?? stopped }
  }

  #count(more: Partial<Pick<FetchTally, 'fetched' | 'bytes' | 'lost' | 'failed' | 'reason'>>): void {
    const { done, fetched, bytes, lost, failed, reason } = this.#tally
    this.#tally = {
      ...this.#tally,
      done: done + 1,
      fetched: fetched + (more.fetched ?? 0),
      bytes: bytes + (more.bytes ?? 0),
      lost: lost + (more.lost ?? 0),
      failed: failed + (more.failed ?? 0),
      reason: more.reason ?? reason,
    }
  }
}

import { availableParallelism } from 'node:os'

import type { Config } from '../../config/config.ts'

/** The most processes that `auto` means: the first one counts the requests of all. */
const MAX_AUTO = 8

/** So busy, from 0 to 1, all processes have to be, for so many seconds, before another one is started. */
const BUSY_LOAD = 0.6
const BUSY_SECONDS = 3
/** So busy the others would be without the last one, at the most, for so many seconds, before it is let go. */
const IDLE_LOAD = 0.3
const IDLE_SECONDS = 60

/** How many processes serve, the first one included: from the start, and at the most. */
export interface WorkerBounds {
  readonly least: number
  readonly most: number
}

/** What a configuration means on this machine. Without the fast path there is nothing that workers could do. */
export function toBounds({ workers = 1, fastPath }: Pick<Config, 'workers' | 'fastPath'>): WorkerBounds {
  if (fastPath === false) return { least: 1, most: 1 }
  if (workers !== 'auto') return { least: workers, most: workers }
  return { least: 1, most: Math.min(availableParallelism(), MAX_AUTO) }
}

/** What of `cache.memory` the first process may use, and each worker, in bytes: half of it, and their part of the other half. */
export function memoryShares(config: Pick<Config, 'workers' | 'fastPath' | 'cache'>): {
  readonly first: number
  readonly worker: number
} {
  const { most } = toBounds(config)
  const bytes = config.cache.memoryBytes
  if (most === 1) return { first: bytes, worker: 0 }
  return { first: Math.floor(bytes / 2), worker: Math.floor(bytes / 2 / (most - 1)) }
}

/** Decides, once a second, whether there are too few processes, or one too many. */
export class LoadWatch {
  #busySeconds = 0
  #idleSeconds = 0

  /**
   * @param loads how busy each process was in the last second, from 0 to 1
   * @returns how many more there should be
   */
  look(loads: readonly number[], { least, most }: WorkerBounds): -1 | 0 | 1 {
    const sum = loads.reduce((total, load) => total + load, 0)
    const isBusy = loads.length < most && sum / loads.length >= BUSY_LOAD
    const isIdle = loads.length > least && sum / (loads.length - 1) <= IDLE_LOAD
    this.#busySeconds = isBusy ? this.#busySeconds + 1 : 0
    this.#idleSeconds = isIdle ? this.#idleSeconds + 1 : 0
    if (this.#busySeconds >= BUSY_SECONDS) return this.#decide(1)
    return this.#idleSeconds >= IDLE_SECONDS ? this.#decide(-1) : 0
  }

  #decide<Change extends -1 | 1>(change: Change): Change {
    this.#busySeconds = 0
    this.#idleSeconds = 0
    return change
  }
}

/** Workers that died are replaced at once, so many within a minute; beyond that one in so many milliseconds. */
const AT_ONCE = 20
const MINUTE_MS = 60_000
const PAUSE_MS = 5_000

/** How long to wait before a worker is replaced, in milliseconds. */
export class RestartPace {
  #deaths: number[] = []

  /** A worker has died now, by a clock in milliseconds. */
  note(nowMs: number): number {
    this.#deaths = [...this.#deaths.filter((at) => at > nowMs - MINUTE_MS), nowMs]
    return this.#deaths.length <= AT_ONCE ? 0 : PAUSE_MS
  }
}

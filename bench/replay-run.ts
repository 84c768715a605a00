import { isFetchedAtBirth, type PrefetchRule } from '../src/model/prefetch.ts'
import { SYNC_MS, type Farm, type Run } from './replay-farm.ts'
import { versionAt, type Repository, type Version } from './replay-repository.ts'

/** What a policy came to. */
export interface ReplayResult {
  readonly rule: PrefetchRule
  readonly requests: number
  /** Upstream had forgotten what a snapshot listed, and it was not on disk. */
  readonly failed: number
  readonly aheadBytes: number
  /** Those and what was fetched when asked for. */
  readonly fetchedBytes: number
}

/** What is fetched after a snapshot's birth takes so long to come, in milliseconds: bounded in bandwidth as it is. */
const FETCH_MS = 30 * 60_000

/** Replays what upstream and the jobs do, from snapshot to snapshot. What is on disk stays: evictions are of what can be fetched again. */
export function replay(repository: Repository, { runs }: Farm, rule: PrefetchRule): ReplayResult {
  const mirror = new Mirror(repository, rule)
  let next = 0
  const until = (runs.at(-1)?.at ?? 0) + SYNC_MS
  for (let at = 0; at <= until; at += SYNC_MS) {
    for (; (runs[next]?.at ?? Infinity) < at; next += 1) mirror.run(runs[next] as Run)
    mirror.sync(at)
  }
  return { rule, ...mirror.result() }
}

class Mirror {
  readonly #repository: Repository
  readonly #rule: PrefetchRule
  /** When each version is, or will be, on disk. */
  readonly #cached = new Map<Version, number>()
  readonly #asked = new Map<number, number>()
  /** What the newest snapshot lists, by name. */
  readonly #newest = new Map<number, Version>()
  #requests = 0
  #failed = 0
  #ahead = 0
  #fetched = 0

  constructor(repository: Repository, rule: PrefetchRule) {
    this.#repository = repository
    this.#rule = rule
  }

  /** A snapshot is made of what upstream lists now, and what the rule wants of its new packages is fetched. */
  sync(at: number): void {
    for (let name = 0; name < this.#repository.names; name += 1) {
      const version = versionAt(this.#repository, name, at)
      const before = this.#newest.get(name)
      if (version === undefined) this.#newest.delete(name)
      else if (version !== before) {
        this.#newest.set(name, version)
        this.#fetchAhead(version, at)
      }
    }
  }

  /** A job asks for its packages. */
  run({ at, snapshotAt, names }: Run): void {
    for (const name of names) {
      const version = versionAt(this.#repository, name, snapshotAt)
      // It went since the job was written: dnf is told by the metadata.
      if (version === undefined) continue
      this.#request(version, at)
    }
  }

  result(): Omit<ReplayResult, 'rule'> {
    const counts = { requests: this.#requests, failed: this.#failed }
    return { ...counts, aheadBytes: this.#ahead, fetchedBytes: this.#ahead + this.#fetched }
  }

  #request(version: Version, at: number): void {
    this.#requests += 1
    const { name, size, goneAt } = version
    if ((this.#cached.get(version) ?? Infinity) > at) {
      if (goneAt <= at) this.#failed += 1
      else {
        if (!this.#cached.has(version)) this.#fetched += size
        this.#cached.set(version, at)
      }
    }
    this.#asked.set(name, at)
  }

  #fetchAhead(version: Version, at: number): void {
    const { name, size, goneAt } = version
    const thereAt = at + FETCH_MS
    if (this.#cached.has(version) || goneAt <= thereAt) return
    if (!isFetchedAtBirth(this.#rule, this.#asked.get(name), at)) return
    this.#cached.set(version, thereAt)
    this.#ahead += size
  }
}

import { OUTCOMES, type Outcome } from '../model/outcome.ts'

/** What is remembered of a time of day together, in milliseconds. */
const SLOT_MS = 900_000
const SLOTS = 96
const MINUTE_MS = 60_000
const MINUTES = 60
/** Trouble of a mirror is what it had in so many minutes. */
const TROUBLE_MINUTES = 5
/** Upper ends of how long a first byte took, in milliseconds; what took longer is in a last one. */
export const FIRST_BYTE_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000,
] as const

/** Outcomes in which a job did not get what a snapshot lists. */
const FAILED: ReadonlySet<Outcome> = new Set(['lost', 'error_upstream', 'error_digest', 'error_internal'])
const FETCHED: ReadonlySet<Outcome> = new Set(['fill', 'join', 'bypass'])
const CACHED: ReadonlySet<Outcome> = new Set(['hit', 'not_modified'])

/** A request that has ended, or several that were alike, as whoever has answered it knows it: to make an object of each would cost as much as counting it. */
export interface EndedRequest {
  readonly outcome: Outcome
  /** How many. */
  readonly count: number
  /** Of all of them together. */
  readonly bytes: number
  /** When it began and when there was something to send, by one clock, in milliseconds; the second undefined where nothing was. */
  readonly startedAt: number
  readonly headAt: number | undefined
  /** The snapshot that it was about, where it was about one that is there. */
  readonly snapshot: { readonly mirror: string } | undefined
}

/** What requests came to, up to now. */
export interface TrafficReport {
  /** Since when this process counts, in milliseconds since the epoch. */
  readonly since: number
  readonly lastHour: { readonly requests: number; readonly failed: number }
  /** Of the last 24 hours. */
  readonly outcomes: ReadonlyMap<Outcome, number>
  readonly requests: number
  readonly bytesSent: number
  readonly bytesFetched: number
  /** Within which milliseconds 99 of 100 first bytes came; undefined without any, and for more than 30 s. */
  readonly cachedP99: number | undefined
  readonly fetchedP99: number | undefined
  /** Requests by quarter of an hour, the last one running. */
  readonly quarters: readonly number[]
  /** Mirrors with failures in the last five minutes. */
  readonly trouble: readonly { readonly mirror: string; readonly requests: number; readonly failed: number }[]
}

interface Slot {
  readonly number: number
  readonly outcomes: Float64Array
  readonly cached: Float64Array
  readonly fetched: Float64Array
  bytesSent: number
  bytesFetched: number
}

interface Minute {
  readonly number: number
  requests: number
  failed: number
  readonly mirrors: Map<string, { requests: number; failed: number }>
}

/** Counts what requests come to, in memory of fixed size: a day by quarters of an hour, an hour by minutes. */
export class Traffic {
  readonly #now: () => number
  readonly #since: number
  readonly #slots: (Slot | undefined)[] = Array.from({ length: SLOTS })
  readonly #minutes: (Minute | undefined)[] = Array.from({ length: MINUTES })

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now
    this.#since = now()
  }

  /** A request has ended. */
  record({ outcome, count: requests, bytes, startedAt, headAt, snapshot }: EndedRequest): void {
    const nowMs = this.#now()
    const slot = this.#slot(nowMs)
    const at = OUTCOMES.indexOf(outcome)
    slot.outcomes[at] = (slot.outcomes[at] ?? 0) + requests
    slot.bytesSent += bytes
    if (headAt !== undefined) {
      const bucket = bucketOf(headAt - startedAt)
      const times = CACHED.has(outcome) ? slot.cached : FETCHED.has(outcome) ? slot.fetched : undefined
      if (times !== undefined) times[bucket] = (times[bucket] ?? 0) + requests
    }
    const minute = this.#minute(nowMs)
    const failed = FAILED.has(outcome) ? requests : 0
    minute.requests += requests
    minute.failed += failed
    if (snapshot === undefined) return
    const count = minute.mirrors.get(snapshot.mirror)
    if (count === undefined) minute.mirrors.set(snapshot.mirror, { requests, failed })
    else {
      count.requests += requests
      count.failed += failed
    }
  }

  /** Bytes were fetched from upstream. */
  recordFetched(bytes: number): void {
    this.#slot(this.#now()).bytesFetched += bytes
  }

  /** What it came to so far. */
  report(): TrafficReport {
    const nowMs = this.#now()
    const lastSlot = Math.floor(nowMs / SLOT_MS)
    const slots = Array.from({ length: SLOTS }, (_, back) => this.#slotAt(lastSlot - (SLOTS - 1 - back)))
    const live = slots.filter((slot) => slot !== undefined)
    const sum = (value: (slot: Slot) => number) => live.reduce((total, slot) => total + value(slot), 0)
    const outcomes = new Map(OUTCOMES.map((outcome, at) => [outcome, sum((slot) => slot.outcomes[at] ?? 0)]))
    const minutes = this.#liveMinutes(nowMs, MINUTES)
    return {
      since: this.#since,
      lastHour: {
        requests: minutes.reduce((total, one) => total + one.requests, 0),
        failed: minutes.reduce((total, one) => total + one.failed, 0),
      },
      outcomes,
      requests: [...outcomes.values()].reduce((total, count) => total + count, 0),
      bytesSent: sum((slot) => slot.bytesSent),
      bytesFetched: sum((slot) => slot.bytesFetched),
      cachedP99: percentile99(live.map(({ cached }) => cached)),
      fetchedP99: percentile99(live.map(({ fetched }) => fetched)),
      quarters: slots.map((slot) => slot?.outcomes.reduce((total, count) => total + count, 0) ?? 0),
      trouble: addTrouble(this.#liveMinutes(nowMs, TROUBLE_MINUTES)),
    }
  }

  #slot(nowMs: number): Slot {
    const number = Math.floor(nowMs / SLOT_MS)
    const known = this.#slotAt(number)
    if (known !== undefined) return known
    const outcomes = new Float64Array(OUTCOMES.length)
    const slot = {
      number,
      outcomes,
      cached: firstByteCounts(),
      fetched: firstByteCounts(),
      bytesSent: 0,
      bytesFetched: 0,
    }
    return (this.#slots[number % SLOTS] = slot)
  }

  #slotAt(number: number): Slot | undefined {
    const slot = this.#slots[number % SLOTS]
    return slot?.number === number ? slot : undefined
  }

  #minute(nowMs: number): Minute {
    const number = Math.floor(nowMs / MINUTE_MS)
    const known = this.#minutes[number % MINUTES]
    if (known?.number === number) return known
    return (this.#minutes[number % MINUTES] = { number, requests: 0, failed: 0, mirrors: new Map() })
  }

  #liveMinutes(nowMs: number, count: number): Minute[] {
    const last = Math.floor(nowMs / MINUTE_MS)
    return this.#minutes.filter(
      (one) => one !== undefined && one.number <= last && one.number > last - count,
    ) as Minute[]
  }
}

function firstByteCounts(): Float64Array {
  return new Float64Array(FIRST_BYTE_MS.length + 1)
}

function bucketOf(ms: number): number {
  const found = FIRST_BYTE_MS.findIndex((end) => ms <= end)
  return found < 0 ? FIRST_BYTE_MS.length : found
}

function percentile99(slots: readonly Float64Array[]): number | undefined {
  const counts = Array.from({ length: FIRST_BYTE_MS.length + 1 }, (_, bucket) =>
    slots.reduce((total, slot) => total + (slot[bucket] ?? 0), 0),
  )
  const total = counts.reduce((sum, count) => sum + count, 0)
  let seen = 0
  const bucket = counts.findIndex((count) => (seen += count) >= total * 0.99)
  return total === 0 ? undefined : FIRST_BYTE_MS[bucket]
}

function addTrouble(minutes: readonly Minute[]): TrafficReport['trouble'] {
  const sums = new Map<string, { requests: number; failed: number }>()
  for (const { mirrors } of minutes)
    for (const [mirror, { requests, failed }] of mirrors) {
      const before = sums.get(mirror) ?? { requests: 0, failed: 0 }
      sums.set(mirror, { requests: before.requests + requests, failed: before.failed + failed })
    }
  return [...sums].filter(([, { failed }]) => failed > 0).map(([mirror, counts]) => ({ mirror, ...counts }))
}

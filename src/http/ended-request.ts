import type { PinyonError } from '../model/errors.ts'
import type { Outcome } from '../model/outcome.ts'
import type { Snapshot } from '../snapshot/store.ts'

/** What is known of a request that has ended, whichever way it was answered, or of several that were alike. Whoever is told of it looks at it at once: it may be used again. */
export interface EndedRequest {
  /** How many it stands for: more than one where a worker has added up those of which the log tells no line. */
  readonly count: number
  /** What its answer carries as X-Request-Id, and its log line; undefined for an answer that has none. */
  readonly id: string | undefined
  readonly method: string | undefined
  /** As it was sent. */
  readonly target: string
  readonly status: number
  readonly outcome: Outcome | undefined
  /** By `performance.now()`, in milliseconds, or by another clock if a worker has answered it; of several these are means. */
  readonly startedAt: number
  /** When there was something to say, and when it had ended, by the same clock; the first undefined where nothing was. */
  readonly headAt: number | undefined
  readonly endedAt: number
  /** The other end's address; undefined on the admin socket. */
  readonly client: string | undefined
  readonly userAgent: string | undefined
  readonly snapshot: Snapshot | undefined
  /** Of the package that was asked for, as its repository lists it. */
  readonly packageName: string | undefined
  readonly error: PinyonError | undefined
  /** What the log line says beside that. */
  readonly note: Readonly<Record<string, number>> | undefined
  /** Bytes of the body that were sent; of several together. */
  readonly bytes: number
  /** What its connection is known by: the same for all of its requests. */
  readonly connection: object
}

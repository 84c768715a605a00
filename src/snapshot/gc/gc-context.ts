import type Database from 'better-sqlite3'

import type { DiskInventory } from '../../cache/disk-inventory.ts'
import type { Digest } from '../../model/digest.ts'
import type { RetentionRules } from '../../model/retention.ts'
import type { ListedMirror } from '../store.ts'
import type { GcReport } from './gc-report.ts'
import type { GcStatements } from './sql-gc.ts'

/** What a collection is asked for; plain data, so that a thread can be given it. */
export interface GcRequest {
  /** `collect`: all of it; `evict`: only room for `neededBytes`; `plan`: change nothing and say what would go. */
  readonly kind: 'collect' | 'evict' | 'plan'
  /** Whether to look first what is on the disk, beside what is entered. */
  readonly reconcile: boolean
  /** Of a plan: what is taken for configured; what is in force unless told. */
  readonly mirrors?: readonly ListedMirror[]
  readonly rules: RetentionRules
  readonly maxBytes: number
  /** Bytes that are to fit below `maxBytes` afterwards. */
  readonly neededBytes: number
  /** What was stored when these were counted. What has been stored since was most likely one of them, and is not to be counted twice. */
  readonly storedBytes?: number
  /** Milliseconds since the epoch. */
  readonly nowMs: number
  /** The farm's clock, by which views expire. */
  readonly farmNowMs: number
  /** A blob that no snapshot lists goes when it was not needed for so long: a sync may be about to list it. */
  readonly unlistedMs: number
  /** For how many milliseconds nobody needs to be told anything: after that, what is decided is told before it is all done. */
  readonly answerAfterMs?: number
}

/** What the steps of a collection work with. */
export interface GcContext {
  readonly request: GcRequest
  readonly database: Database.Database
  readonly statements: GcStatements
  readonly inventory: DiskInventory
  /** Told of blobs that are gone. */
  readonly onRemoved: (digests: readonly Digest[]) => void
  /** Told what is decided, when it takes long to do: see {@link GcRequest.answerAfterMs}. */
  readonly onDecided?: (report: GcReport) => void
}

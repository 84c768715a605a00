import type { GcReport } from '../snapshot/gc/gc-report.ts'
import type { SyncBoard } from '../snapshot/sync-board.ts'
import type { FetchTally } from '../snapshot/prefetch/fetch-run.ts'
import type { FetchRequest } from '../snapshot/prefetch/prefetcher.ts'
import type { GenerationCause } from '../snapshot/store.ts'
import type { SyncResult } from '../snapshot/sync.ts'
import type { VerifyProgress, VerifyReport } from '../snapshot/verify/verify-report.ts'

/** What a write can have done; `actor` is who asked, as the history shows it. Each rejects with a PinyonError, having changed nothing. */
export interface WriteActions {
  readonly sync: (mirror: string, actor: string) => Promise<SyncResult>
  /** Fetches packages that nobody waits for. */
  readonly fetch: (
    mirror: string,
    request: FetchRequest,
    onProgress: (tally: FetchTally) => void,
  ) => Promise<FetchTally>
  /** Progress of running syncs. */
  readonly board: SyncBoard
  /**
   * Reads the configuration anew. With a cause the actor has edited the file, and the change is theirs; without, it is the file's.
   */
  readonly reload: (change?: { readonly cause: GenerationCause; readonly actor: string }) => Promise<void>
  readonly pin: (mirror: string, pin: PinRequest, actor: string) => Promise<MirrorChange>
  readonly unpin: (mirror: string, request: PinEdit, actor: string) => Promise<MirrorChange>
  /** Pins a mirror to the snapshot before its current one. */
  readonly rollBackMirror: (
    mirror: string,
    request: PinEdit & Pick<PinRequest, 'why'>,
    actor: string,
  ) => Promise<MirrorChange>
  /** Pins every configured mirror to what it was at a generation. */
  readonly rollBackFarm: (request: FarmRequest, actor: string) => Promise<FarmChange>
  readonly remove: (mirror: string, request: RemovalRequest, actor: string) => Promise<Removal>
  /** Retires one snapshot, whatever retention says of it. */
  readonly retire: (mirror: string, snapshot: string) => Promise<Retirement>
  /** Ends all views of a client. */
  readonly endViews: (client: string) => Promise<number>
  /** Ends one view; false when there is none. */
  readonly endView: (view: string) => Promise<boolean>
  /** Collects what is not needed any more, or only tells what would go. See Collector.collect. */
  readonly collect: (request: { readonly dryRun: boolean; readonly wait: boolean }) => Promise<GcReport>
  /** Reads everything stored, and mends what is wrong unless it is only to be told. */
  readonly verify: (request: {
    readonly dryRun: boolean
    readonly onProgress: (progress: VerifyProgress) => void
  }) => Promise<VerifyReport>
}

/** What all that changes a mirror's pin may ask for. */
export interface PinEdit {
  /** Only tell what would be written. */
  readonly dryRun: boolean
  /** The header: what `mirrors/<m>/pin` has to be still. */
  readonly ifMatch: string | undefined
}

/** What `PUT mirrors/<m>/pin` asks for. */
export interface PinRequest extends PinEdit {
  readonly snapshot: string
  readonly why: string | undefined
}

/** What `POST rollback` asks for. */
export interface FarmRequest {
  readonly generation: number
  readonly dryRun: boolean
  readonly why: string | undefined
}

/** What `DELETE mirrors/<m>` asks for. */
export interface RemovalRequest {
  /** Also while it is used. */
  readonly force: boolean
  /** Only tell whether it would be removed. */
  readonly dryRun: boolean
}

/** What became of a mirror, as the API tells it. */
export interface MirrorChange {
  readonly mirror: string
  readonly current: string | null
  readonly pinned: boolean
  /** Whether the configuration file is another one now, or would be. */
  readonly changed: boolean
  /** The index's generation, which this began or left as it was. */
  readonly generation: number
  /** Of what is only to be told: the edit as a unified diff, as `git apply` takes it; empty when there is none. */
  readonly patch?: string
}

/** What became of the farm, as the API tells it. */
export interface FarmChange {
  /** Snapshot by mirror. */
  readonly pins: Readonly<Record<string, string>>
  readonly changed: boolean
  readonly generation: number
}

/** What became of a mirror that is to go, as the API tells it. */
export interface Removal {
  readonly mirror: string
  readonly removed: boolean
  /** ISO 8601: until when URLs of its snapshots are answered; null when it has none. */
  readonly served_until: string | null
  readonly generation: number
}

/** What became of a snapshot that is to go, as the API tells it. */
export interface Retirement {
  readonly mirror: string
  readonly snapshot: string
  readonly retired: true
}

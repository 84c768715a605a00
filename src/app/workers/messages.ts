import type { Digest } from '../../model/digest.ts'
import type { RollingReply } from '../../proxy/rolling-replies.ts'
import type { TallySnapshot } from '../../system/tally.ts'
import type { EndedBatch } from './ended-batch.ts'

/** What a worker is told when it is started. */
export interface WorkerTask {
  readonly dataDir: string
  /** Of blobs that it may keep in memory, in bytes. */
  readonly memoryBytes: number
  /** Whether the log tells of hits. */
  readonly isLogged: boolean
  /** Addresses and networks of those who are believed when they say whom they ask for. */
  readonly trustedProxies: readonly string[]
}

/** What a target names, for a worker to answer with. */
export interface LearnedReply {
  readonly reply: RollingReply
  /** The generation that it holds at; undefined for what never changes. */
  readonly generation: number | undefined
  /** Whether it is to be asked for anew after a while, since its signature may count no longer. */
  readonly expires: boolean
}

/** A target, as it was sent, and the host that it was sent to. */
export interface AskedTarget {
  readonly target: string
  readonly host: string
}

/** What the first process says to a worker. With `listen` and `take` comes a handle. */
export type ToWorker =
  | { readonly kind: 'listen'; readonly task: WorkerTask }
  /** A connection to serve from now on, and what has come on it; its number is that of this worker's. */
  | { readonly kind: 'take'; readonly id: number; readonly bytes: Uint8Array | undefined }
  | { readonly kind: 'learned'; readonly asked: AskedTarget; readonly learned: LearnedReply | undefined }
  /** As {@link WorkerTask} has them: another configuration runs. */
  | { readonly kind: 'trust'; readonly proxies: readonly string[] }
  /** Nothing that was learned counts any more. */
  | { readonly kind: 'forget'; readonly id: number }
  /** Hand back this part, from 0 to 1, of the connections that were answered of late: others have more time. */
  | { readonly kind: 'share'; readonly share: number }
  /** To be answered by `pong`, on the way that all else takes. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'removed'; readonly digests: readonly Digest[] }
  /** End what is being answered, within so many milliseconds, and connections that wait; or hand these back. */
  | { readonly kind: 'stop'; readonly graceMs: number; readonly handsBack: boolean }

/** What a worker says. With `connection` comes a handle. */
export type FromWorker =
  | { readonly kind: 'ready' }
  /** A connection that it was given is its own. Nothing was read from it before this was said. */
  | { readonly kind: 'took'; readonly id: number }
  | { readonly kind: 'learn'; readonly asked: AskedTarget }
  /** A connection that is none for a worker, and what has come on it. */
  | { readonly kind: 'connection'; readonly bytes: Uint8Array | undefined }
  | { readonly kind: 'ended'; readonly batch: EndedBatch; readonly used: readonly Digest[] }
  /** How busy it was of late, from 0 to 1. */
  | { readonly kind: 'load'; readonly load: number }
  /** What it has counted since it began. */
  | { readonly kind: 'tally'; readonly tally: TallySnapshot }
  | { readonly kind: 'pong' }
  | { readonly kind: 'forgot'; readonly id: number }
  /** A stored file that has not the bytes of its digest. */
  | { readonly kind: 'wrong'; readonly digest: Digest }
  /** A stored file that cannot be read. */
  | { readonly kind: 'unreadable'; readonly digest: Digest; readonly reason: string }
  /** All is said and handed back. */
  | { readonly kind: 'done' }

/** Targets that can be of a snapshot's file. */
const FILE_TARGET = /^\/repos\/yum\/[^/?]+\/\d{4}(?:-\d{2}){4}\/.*[^/]$/

/** Targets that can be of an index, of a current snapshot's name, or of a file of one. */
const ROLLING_TARGET =
  /^\/repos\/yum\/(?:all_latest\.[a-z]{2,4}|[^/?]+\/(?:latest\.txt|(?:latest|base)\/.*[^/]))$/

/** Whether a worker may answer it: all other targets are for the first process, which may do something for them. */
export function isForWorkers(target: string): boolean {
  return FILE_TARGET.test(target) || ROLLING_TARGET.test(target)
}

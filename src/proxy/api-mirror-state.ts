import { formatDuration } from '../model/duration.ts'
import type { FarmMirror } from '../snapshot/farm/farm.ts'
import { readAttention, type AttentionView } from './api-attention.ts'
import type { ApiContext } from './api-context.ts'
import { toIso } from './api-reply.ts'
import { isFresh } from './attention.ts'

/** How a mirror does, beside what the list of all says; null for what has not happened, or nobody knows. */
export interface MirrorStateView {
  /** The newest snapshot, which is not what jobs get where an older one is pinned, and how many are newer than that. */
  readonly newest: string | null
  readonly waiting: number
  /** Since when jobs get the current one. */
  readonly current_since: string | null
  /** Since when it is pinned to that. */
  readonly pinned_since: string | null
  /** Packages of the current snapshot that are fetched when they are asked for. */
  readonly on_demand: number | null
  /** How often it is looked at, such as `8h`, or `off`. */
  readonly interval: string | null
  readonly next_check_at: string | null
  /** Whether its last good look upstream is recent. */
  readonly fresh: boolean
  /** Looks upstream that failed since the last good one. */
  readonly failing: {
    readonly since: string | null
    readonly attempts: number
    readonly reason: string
  } | null
  /** The sync that runs. */
  readonly progress: ProgressView | null
  readonly usage_24h: { readonly hosts: number }
  readonly attention: readonly AttentionView[]
}

/** How far a sync is. */
export interface ProgressView {
  readonly step: 'repomd' | 'files' | 'packages'
  readonly done: number
  readonly total: number
  readonly bytes: number
  readonly packages: number
}

const DAY_MS = 86_400_000

/** How one mirror does. */
export async function describeMirrorState(
  context: ApiContext,
  name: string,
  cached: number | null,
): Promise<MirrorStateView | undefined> {
  const { mirrors, attention } = await readAttention(context)
  const mirror = mirrors.find((one) => one.name === name)
  if (mirror === undefined) return undefined
  const nowMs = context.now()
  const interval = context.intervalOf(name)
  const { nextAt, progress } = context.syncOf(name)
  const hosts = await context.snapshots.farm.hosts([mirror.id], nowMs - DAY_MS)
  const { current } = mirror
  return {
    newest: mirror.newest ?? null,
    waiting: mirror.waiting,
    current_since: toIso(mirror.currentSince),
    pinned_since: toIso(mirror.pinnedSince),
    on_demand: current === undefined || cached === null ? null : Math.max(0, current.packages - cached),
    interval: typeof interval === 'number' ? formatDuration(interval) : (interval ?? null),
    next_check_at: toIso(nextAt),
    fresh: current !== undefined && isFresh(mirror, interval, nowMs),
    failing: toFailing(mirror),
    progress: toProgress(progress),
    usage_24h: { hosts: hosts.get(mirror.id) ?? 0 },
    attention: attention.filter((one) => one.mirror === name),
  }
}

function toFailing({ error, failingSince, failures }: FarmMirror): MirrorStateView['failing'] {
  return error === undefined ? null : { since: toIso(failingSince), attempts: failures, reason: error }
}

function toProgress(progress: ReturnType<ApiContext['syncOf']>['progress']): ProgressView | null {
  if (progress === undefined) return null
  const { step, filesDone, filesTotal, bytes, packages } = progress
  return { step, done: filesDone, total: filesTotal, bytes, packages }
}

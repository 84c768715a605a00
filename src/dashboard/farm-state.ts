import { findAttention, isFresh, type Attention } from '../proxy/attention.ts'
import type { FarmMirror } from '../snapshot/farm/farm.ts'
import type { TrafficReport } from '../system/traffic.ts'
import type { DashboardContext } from './context.ts'

/** What is known of all mirrors, read once for a page. */
export interface FarmState {
  readonly mirrors: readonly FarmMirror[]
  readonly attention: readonly Attention[]
  readonly traffic: TrafficReport
  readonly nowMs: number
}

/** A mirror's own part of what needs somebody. */
export type MirrorAttention = ReadonlyMap<string, Attention>

const UNUSED_MS = 14 * 86_400_000
const MINUTE_MS = 60_000
/** What is that near is a time of day; a later look says nothing about what failed. */
const NEAR_MS = 60 * MINUTE_MS

/** Reads it. */
export async function readFarm(context: DashboardContext): Promise<FarmState> {
  const nowMs = context.now()
  const mirrors = await context.snapshots.farm.mirrors(nowMs)
  const traffic = context.traffic()
  const { configuration, sourcesOf } = context
  const attention = findAttention({
    mirrors,
    configuration,
    sourcesOf,
    cache: context.cache(),
    trouble: traffic.trouble,
    intervalOf: (mirror) => context.settingsOf(mirror)?.intervalMs,
    nowMs,
  })
  return { mirrors, attention, traffic, nowMs }
}

/** The attention that each mirror needs, by its name. */
export function byMirror(attention: readonly Attention[]): MirrorAttention {
  return new Map(attention.flatMap((one) => (one.mirror === undefined ? [] : [[one.mirror, one] as const])))
}

/** Whether a mirror's last look upstream is recent. */
export function isMirrorFresh(mirror: FarmMirror, context: DashboardContext, nowMs: number): boolean {
  return isFresh(mirror, context.settingsOf(mirror.name)?.intervalMs, nowMs) && mirror.current !== undefined
}

/** Whether nobody has used a mirror for two weeks: one that was never used must have had a snapshot for as long. */
export function isUnused({ lastUsed, currentSince, current }: FarmMirror, nowMs: number): boolean {
  const since = lastUsed ?? currentSince
  return current !== undefined && since !== undefined && nowMs - since >= UNUSED_MS
}

/** Whether upstream does not answer. */
export function isDown(attention: Attention | undefined): boolean {
  return attention?.code === 'upstream_down' || attention?.also.includes('upstream_down') === true
}

/** When a mirror whose last look failed is asked again, a minute at the least from now; undefined when nothing failed, and when that is far or not planned. */
export function askedAgainAt(
  { name, error }: Pick<FarmMirror, 'name' | 'error'>,
  { syncs }: Pick<DashboardContext, 'syncs'>,
  nowMs: number,
): number | undefined {
  const at = error === undefined ? undefined : syncs.nextAt(name)
  return at === undefined || at - nowMs > NEAR_MS ? undefined : atMinute(Math.max(at, nowMs))
}

/** The minute by whose begin something has happened: pages that say so stay as they are meanwhile. */
export function atMinute(atMs: number): number {
  return Math.ceil(atMs / MINUTE_MS) * MINUTE_MS
}

/** How far a mirror's sync is, in words and as a part of a whole. */
export interface SyncState {
  readonly text: string
  readonly done: number
  readonly total: number
  readonly isRunning: boolean
}

/** The state of a mirror's sync; undefined when none waits or runs. */
export function syncState(mirror: string, { syncs }: Pick<DashboardContext, 'syncs'>): SyncState | undefined {
  const at = syncs.waiting.indexOf(mirror)
  if (at >= 0)
    return { text: at === 0 ? 'waits, next' : `waits, ${at} before it`, done: 0, total: 1, isRunning: false }
  const running = syncs.running.get(mirror)
  if (running !== undefined) return { ...describeRunning(running), isRunning: true }
  return syncs.asked.includes(mirror) ? { text: 'begins', done: 0, total: 1, isRunning: true } : undefined
}

function describeRunning({
  step,
  filesDone,
  filesTotal,
  packages,
}: NonNullable<ReturnType<DashboardContext['syncs']['running']['get']>>): Omit<SyncState, 'isRunning'> {
  if (step === 'repomd') return { text: 'looks at repomd.xml', done: 0, total: 20 }
  if (step === 'files')
    return {
      text: `file ${Math.min(filesDone + 1, filesTotal)} of ${filesTotal}`,
      done: filesDone,
      total: filesTotal + 1,
    }
  const text = packages === 0 ? 'checks the packages' : `checks packages, ${packages} so far`
  return { text, done: 19, total: 20 }
}

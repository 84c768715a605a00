import { PinyonError } from '../model/errors.ts'
import type { MirrorState, Snapshot, SnapshotReader } from '../snapshot/store.ts'
import type { ApiContext, ApiRequest } from './api-context.ts'
import { answerDiff } from './api-diff.ts'
import { createJsonReply, toIso } from './api-reply.ts'
import { toKeysView, toSignatureView, type KeysView, type SignatureView } from './api-signatures.ts'
import type { TextReply } from './reply.ts'

/** A mirror as the API shows it. Times are ISO 8601; null for what has not happened. */
export interface MirrorView {
  readonly name: string
  readonly enabled: boolean
  readonly current: string | null
  /** Whether the configuration pins the current snapshot. */
  readonly pinned: boolean
  /** What the configuration says about the pin. */
  readonly pin_why: string | null
  /** When it went out of the configuration. */
  readonly removed_at: string | null
  readonly snapshots: number
  readonly last_sync: string | null
  readonly last_success: string | null
  readonly error: string | null
  /** How each baseurl has answered the server that is asked, in the order of the configuration. */
  readonly sources: readonly SourceView[]
}

/** A source as the API shows it. */
export interface SourceView {
  readonly baseurl: string
  readonly state: 'ok' | 'set aside' | 'down'
  /** Since it last gave a whole answer. */
  readonly failures: number
  /** Until it is asked again; 0 for now. */
  readonly retry_in_ms: number
  readonly error: string | null
}

/** A snapshot as the API shows it. */
export interface SnapshotView {
  readonly name: string
  readonly created_at: string
  readonly packages: number
  readonly bytes: number
  readonly revision: string | null
  readonly current: boolean
}

/** What answers a list below a mirror, by its name: `mirrors/<m>/<list>[/…]`. */
type MirrorList = (
  context: ApiContext,
  state: MirrorState,
  request: ApiRequest,
) => Promise<TextReply | undefined>

const LISTS: Readonly<Record<string, MirrorList>> = {
  diff: answerDiff,
  snapshots: answerSnapshots,
}

/** Answers `mirrors`, `mirrors/<m>` and the lists below that. */
export async function answerMirrors(
  context: ApiContext,
  { rest: [mirror, name, ...rest], query }: ApiRequest,
): Promise<TextReply | undefined> {
  const states = await context.snapshots.mirrors()
  if (mirror === undefined)
    return createJsonReply({ mirrors: states.map((one) => toMirrorView(one, context)) })
  const state = states.find((one) => one.name === mirror)
  if (state === undefined) throw new PinyonError('NOT_FOUND', `no such mirror: ${mirror}`)
  if (name === undefined) return createJsonReply(await describeMirror(context, state))
  const list = Object.hasOwn(LISTS, name) ? LISTS[name] : undefined
  return await list?.(context, state, { rest, query })
}

async function answerSnapshots(
  { snapshots }: ApiContext,
  state: MirrorState,
  { rest: [name, ...further] }: ApiRequest,
): Promise<TextReply | undefined> {
  if (further.length > 0) return undefined
  const all = await snapshots.snapshots(state.name)
  if (name === undefined) return createJsonReply({ snapshots: all.map((one) => toSnapshotView(one, state)) })
  return await answerSnapshot(snapshots, state, findSnapshot(all, state, name))
}

async function answerSnapshot(
  snapshots: SnapshotReader,
  state: MirrorState,
  snapshot: Snapshot,
): Promise<TextReply> {
  const files = await snapshots.files(snapshot)
  const defects = await snapshots.defects(snapshot)
  const signature = await toSignatureView(snapshots, snapshot)
  return createJsonReply({ ...toSnapshotView(snapshot, state), signature, files, defects })
}

/** One mirror, with its keys and who signed its current snapshot. */
async function describeMirror(
  context: ApiContext,
  state: MirrorState,
): Promise<MirrorView & KeysView & { readonly signature: SignatureView | null }> {
  const { current } = state
  const signature = current === undefined ? null : await toSignatureView(context.snapshots, current)
  return { ...toMirrorView(state, context), signature, ...(await toKeysView(context, state.name)) }
}

/** The snapshot of this name. Throws NOT_FOUND. */
export function findSnapshot(all: readonly Snapshot[], state: MirrorState, name: string): Snapshot {
  const found = all.find((snapshot) => snapshot.name === name)
  if (found === undefined) throw new PinyonError('NOT_FOUND', `${state.name} has no snapshot: ${name}`)
  return found
}

/** A mirror's state in the API's words. */
export function toMirrorView(state: MirrorState, { sourcesOf }: Pick<ApiContext, 'sourcesOf'>): MirrorView {
  return {
    name: state.name,
    enabled: state.listed,
    current: state.current?.name ?? null,
    pinned: state.pinned,
    pin_why: state.pinWhy ?? null,
    removed_at: toIso(state.removedAt),
    snapshots: state.snapshotCount,
    last_sync: toIso(state.checkedAt),
    last_success: toIso(state.succeededAt),
    error: state.error ?? null,
    sources: sourcesOf(state.name).map(({ retryInMs, error = null, ...source }) => ({
      ...source,
      retry_in_ms: retryInMs,
      error,
    })),
  }
}

/** A snapshot in the API's words. */
export function toSnapshotView(snapshot: Snapshot, mirror: MirrorState): SnapshotView {
  return {
    name: snapshot.name,
    created_at: new Date(snapshot.createdAt).toISOString(),
    packages: snapshot.packageCount,
    bytes: snapshot.packageBytes,
    revision: snapshot.revision ?? null,
    current: snapshot.id === mirror.current?.id,
  }
}

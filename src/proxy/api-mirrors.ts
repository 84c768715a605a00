import { PinyonError } from '../model/errors.ts'
import { noSuchMirror } from '../model/no-such-mirror.ts'
import type { Policy } from '../model/prefetch.ts'
import { snapshotPath } from '../model/snapshot-path.ts'
import { NO_DEFECTS, type MirrorDefects } from '../snapshot/farm/mirror-defects.ts'
import type { MirrorState, Snapshot, SnapshotReader, XmlBase } from '../snapshot/store.ts'
import type { ApiContext, ApiRequest } from './api-context.ts'
import { answerDeparted } from './api-departed.ts'
import { answerDiff } from './api-diff.ts'
import {
  describeMirrors,
  describeSnapshots,
  type CachedView,
  type DepartedView,
  type HoldingsStore,
  type PrefetchView,
} from './api-holdings.ts'
import { describeMirrorState, type MirrorStateView } from './api-mirror-state.ts'
import { answerPackages } from './api-packages.ts'
import { describeListed, type ListedView } from './api-listed.ts'
import { describePin } from './api-pin.ts'
import { createJsonReply, toIso } from './api-reply.ts'
import { toPastView, type SnapshotPastView } from './api-snapshot-past.ts'
import { toListView, toSourceView, type ListView, type SourceView } from './api-sources.ts'
import {
  toKeysView,
  toSignatureView,
  toSignatureViews,
  type KeysView,
  type SignatureView,
} from './api-signatures.ts'
import type { TextReply } from './reply.ts'

/** A mirror as the API shows it. Times are ISO 8601; null for what has not happened. */
export interface MirrorView extends DepartedView, CachedView {
  readonly name: string
  readonly enabled: boolean
  readonly current: string | null
  /** Of the current snapshot, as {@link SnapshotView} has it. */
  readonly path: string | null
  /** Likewise. */
  readonly xml_base: XmlBase | null
  /** Likewise. */
  readonly arches: readonly string[] | null
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
  /** Packages of the current snapshot. */
  readonly packages: number | null
  /** What is fetched ahead; null where no server runs, or the mirror is not configured. */
  readonly policy: Policy | null
  /** The last run of that; null when there was none, or it had nothing to do. */
  readonly prefetch: PrefetchView | null
  /** How each source has answered the server that is asked, in the order in which they are asked. */
  readonly sources: readonly SourceView[]
  /** The metalink or mirrorlist; null where there is none. */
  readonly list: ListView | null
  /** What of `extra_files` could not be pinned with the current snapshot, and why. */
  readonly extra_file_problems: readonly string[]
  /** What upstream has wrong in the current snapshot, published as it is. */
  readonly defects: MirrorDefects
  /** What is wrong with the certificates and secrets that it is asked with, or soon will be; null when nothing is. */
  readonly identity_problem: string | null
}

/** A snapshot as the API shows it. */
export interface SnapshotView extends DepartedView, CachedView, ListedView {
  readonly name: string
  readonly created_at: string
  readonly packages: number
  readonly bytes: number
  readonly revision: string | null
  readonly current: boolean
  /**
   * What clients' base URLs end in: `/repos/yum/<mirror>/<snapshot>`, and a segment more for each directory that its packages climb, of which
   * `/$basearch` is the last where there are several architectures.
   */
  readonly path: string
  /** Where it has several architectures: which; else null. */
  readonly arches: readonly string[] | null
  /** Whether its metadata were `rewritten`, as they led clients elsewhere (xml:base), or do and were `left` so, as they are signed. */
  readonly xml_base: XmlBase | null
  /** Numbers a mirror's snapshots. */
  readonly seq: number
}

/** Files beside a snapshot's packages: pinned with it, and listed by it, of which some are here and some may be nowhere else any more. */
export interface ExtrasView {
  readonly pinned: number
  readonly listed: number
  readonly cached: number
  readonly at_risk: number
}

/** What answers a list below a mirror, by its name: `mirrors/<m>/<list>[/…]`. */
type MirrorList = (
  context: ApiContext,
  state: MirrorState,
  request: ApiRequest,
) => Promise<TextReply | undefined>

const LISTS: Readonly<Record<string, MirrorList>> = {
  diff: answerDiff,
  packages: answerPackages,
  pin: async (_, state, { rest }) => (rest.length === 0 ? describePin(state) : undefined),
  snapshots: answerSnapshots,
}

/** Answers `mirrors`, `mirrors/<m>` and the lists below that. */
export async function answerMirrors(
  context: ApiContext,
  { rest: [mirror, name, ...rest], query }: ApiRequest,
): Promise<TextReply | undefined> {
  const states = await context.snapshots.mirrors()
  if (mirror === undefined) return createJsonReply({ mirrors: states.map(await mirrorViews(context)) })
  const state = states.find((one) => one.name === mirror)
  if (state === undefined)
    throw noSuchMirror(
      mirror,
      states.map(({ name: known }) => known),
    )
  if (name === undefined) return createJsonReply(await describeMirror(context, state))
  const list = Object.hasOwn(LISTS, name) ? LISTS[name] : undefined
  return await list?.(context, state, { rest, query })
}

async function answerSnapshots(
  context: ApiContext,
  state: MirrorState,
  { rest: [name, list, ...further], query }: ApiRequest,
): Promise<TextReply | undefined> {
  if (further.length > 0 || (list !== undefined && list !== 'packages')) return undefined
  const { snapshots } = context
  const all = await snapshots.snapshots(state.name)
  if (name !== undefined && list !== undefined)
    return await answerDeparted(context, findSnapshot(all, state, name), query)
  const describe = await describeSnapshots(snapshots, state.name)
  const listed = await describeListed(context, state, all)
  const toView = (one: Snapshot): SnapshotView => ({
    ...toSnapshotFacts(one, state),
    ...listed(one),
    ...describe(one),
  })
  if (name === undefined) return createJsonReply({ snapshots: all.map(toView) })
  const snapshot = findSnapshot(all, state, name)
  const past = await toPastView(snapshots.farm, snapshot)
  return await answerSnapshot(snapshots, snapshot, { ...toView(snapshot), ...past })
}

async function answerSnapshot(
  snapshots: SnapshotReader & Pick<HoldingsStore, 'extras'>,
  snapshot: Snapshot,
  view: SnapshotView & SnapshotPastView,
): Promise<TextReply> {
  const { pinned, listed, cached, atRisk } = await snapshots.extras.counts(snapshot)
  const extras: ExtrasView = { pinned, listed, cached, at_risk: atRisk }
  const files = await snapshots.files(snapshot)
  const defects = await snapshots.defects(snapshot)
  const signature = await toSignatureView(snapshots, snapshot)
  const signatures = await toSignatureViews(snapshots, snapshot)
  const each = snapshot.arches === undefined ? {} : { signatures }
  const digest = files.find(({ type }) => type === 'repomd')?.digest ?? null
  return createJsonReply({ ...view, digest, signature, ...each, files, defects, extra_files: extras })
}

/** One mirror, with its keys and who signed its current snapshot. */
async function describeMirror(
  context: ApiContext,
  state: MirrorState,
): Promise<MirrorView & Partial<MirrorStateView> & KeysView & { readonly signature: SignatureView | null }> {
  const { name, current } = state
  const toView = await mirrorViews(context)
  const signature = current === undefined ? null : await toSignatureView(context.snapshots, current)
  const view = toView(state)
  const more = await describeMirrorState(context, name, view.cached)
  return { ...view, ...more, signature, ...(await toKeysView(context, name)) }
}

/** The snapshot of this name. Throws NOT_FOUND. */
function findSnapshot(all: readonly Snapshot[], state: MirrorState, name: string): Snapshot {
  const found = all.find((snapshot) => snapshot.name === name)
  if (found === undefined) throw new PinyonError('NOT_FOUND', `${state.name} has no snapshot: ${name}`)
  return found
}

/** What puts a mirror's state in the API's words. */
async function mirrorViews({
  snapshots,
  prefetch,
  sourcesOf,
  listOf,
  identityProblemOf,
}: ApiContext): Promise<(state: MirrorState) => MirrorView> {
  const describe = await describeMirrors(snapshots)
  const problems = await snapshots.extras.problems()
  const defects = snapshots.farm.defects()
  return (state) => {
    const { policy = null, state: run = null } = prefetch(state.name) ?? {}
    const packages = state.current?.packageCount ?? null
    return {
      ...toMirrorFacts(state),
      sources: sourcesOf(state.name).map(toSourceView),
      list: toListView(listOf(state.name)),
      extra_file_problems: problems.get(state.name) ?? [],
      defects: defects.get(state.name) ?? NO_DEFECTS,
      identity_problem: identityProblemOf(state.name) ?? null,
      packages,
      ...describe(state),
      policy,
      prefetch: run,
    }
  }
}

type MirrorFacts = Omit<
  MirrorView,
  | keyof DepartedView
  | keyof CachedView
  | 'sources'
  | 'list'
  | 'extra_file_problems'
  | 'defects'
  | 'identity_problem'
  | 'packages'
  | 'policy'
  | 'prefetch'
>

function toMirrorFacts(state: MirrorState): MirrorFacts {
  return {
    name: state.name,
    enabled: state.listed,
    current: state.current?.name ?? null,
    path: state.current === undefined ? null : snapshotPath(state.current),
    xml_base: state.current?.xmlBase ?? null,
    arches: state.current?.arches ?? null,
    pinned: state.pinned,
    pin_why: state.pinWhy ?? null,
    removed_at: toIso(state.removedAt),
    snapshots: state.snapshotCount,
    last_sync: toIso(state.checkedAt),
    last_success: toIso(state.succeededAt),
    error: state.error ?? null,
  }
}

function toSnapshotFacts(
  snapshot: Snapshot,
  mirror: MirrorState,
): Omit<SnapshotView, keyof DepartedView | keyof CachedView | keyof ListedView> {
  return {
    name: snapshot.name,
    created_at: new Date(snapshot.createdAt).toISOString(),
    packages: snapshot.packageCount,
    bytes: snapshot.packageBytes,
    revision: snapshot.revision ?? null,
    current: snapshot.id === mirror.current?.id,
    path: snapshotPath(snapshot),
    xml_base: snapshot.xmlBase ?? null,
    arches: snapshot.arches ?? null,
    seq: snapshot.seq,
  }
}

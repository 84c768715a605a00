import pLimit from 'p-limit'

import { PinyonError } from '../model/errors.ts'
import { formatNevra } from '../model/nevra.ts'
import { placeOf } from '../model/snapshot-path.ts'
import type { DepartedState } from '../snapshot/departed/departed.ts'
import type { FarmMirror, PackageHits, PackageQuery, PackageSpan } from '../snapshot/farm/farm.ts'
import type { MirrorState, Snapshot } from '../snapshot/store.ts'
import type { ApiContext, ApiRequest } from './api-context.ts'
import { createJsonReply, readCount } from './api-reply.ts'
import type { TextReply } from './reply.ts'

/** A package that snapshots of a mirror list, as the API shows it: one a file, so of other bytes under an old name two. */
export interface PackageHistoryView {
  readonly nevra: string
  readonly name: string
  readonly epoch: string
  readonly version: string
  readonly release: string
  readonly arch: string
  readonly href: string
  readonly digest: string
  readonly bytes: number | null
  /** The file name of its source package; null when nobody said. */
  readonly source: string | null
  /** The snapshots it came with and was last in; null for one that is not kept any more, and of the last also while the newest lists it. */
  readonly first: string | null
  readonly last: string | null
  /** Whether the newest snapshot lists it. */
  readonly newest: boolean
  /** How many of the snapshots that are kept list it. */
  readonly snapshots: number
  /** `on_demand`: not here, and fetched when somebody asks for it. */
  readonly state: DepartedState | 'on_demand'
  /** Where it is had from: in the last snapshot that is kept and lists it; null where there is none. */
  readonly path: string | null
}

/** What was found of a mirror's packages, those that came last first. */
export interface PackageHistories {
  readonly mirror: string
  readonly packages: readonly PackageHistoryView[]
  /** Whether that is all of them. */
  readonly complete: boolean
}

const MAX_LIMIT = 1_000
const DEFAULT_LIMIT = 200
const MAX_TEXT = 100

/** A search goes through all packages of a mirror, some thousand a turn of the thread: few at a time leave the others their turns. */
const PARALLEL = 2
const MAX_WAITING = 64
const searches = pLimit(PARALLEL)

/** Answers `mirrors/<m>/packages/<name>[?limit=]`: its versions in all snapshots; and `mirrors/<m>/packages?q=`: those that have that in name, version, path or source. */
export async function answerPackages(
  context: ApiContext,
  { name: mirror }: MirrorState,
  { rest: [name, ...further], query }: ApiRequest,
): Promise<TextReply | undefined> {
  if (further.length > 0) return undefined
  const limit = Math.max(1, Math.min(readCount(query, 'limit') ?? DEFAULT_LIMIT, MAX_LIMIT))
  const { farm } = context.snapshots
  const found = (await farm.mirrors(context.now())).find((one) => one.name === mirror)
  if (found === undefined) return undefined
  const wanted = name === undefined ? { text: readText(query) } : { name }
  const { packages, isComplete } = await search(context, found, { ...wanted, limit })
  if (name !== undefined && packages.length === 0)
    throw new PinyonError('NOT_FOUND', `no snapshot of ${mirror} that is kept lists a package: ${name}`)
  const snapshots = (await context.snapshots.snapshots(mirror)).toReversed()
  const views: PackageHistoryView[] = []
  for (const one of packages.toSorted(byArrival))
    views.push(await toView(context, one, listingOf(one, snapshots)))
  const reply: PackageHistories = { mirror, packages: views, complete: isComplete }
  return createJsonReply(reply)
}

async function search(
  { snapshots: { farm } }: ApiContext,
  { id }: FarmMirror,
  query: PackageQuery,
): Promise<PackageHits> {
  if (searches.pendingCount >= MAX_WAITING)
    throw new PinyonError('TOO_BUSY', `too many searches for packages wait already: ${MAX_WAITING}`)
  return await searches(() => farm.packages(id, query))
}

function readText(query: URLSearchParams): string {
  const text = (query.get('q') ?? '').trim()
  if (text !== '' && text.length <= MAX_TEXT) return text
  const found = text === '' ? 'nothing' : `${text.length} characters`
  throw new PinyonError('PATH_REFUSED', `expected q of 1 to ${MAX_TEXT} characters, found: ${found}`)
}

/** The last ones first. */
export function byArrival(a: PackageSpan, b: PackageSpan): number {
  return b.firstSeq - a.firstSeq || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
}

/** The snapshots of these that list a package. */
export function listingOf(
  { firstSeq, lastSeq }: Pick<PackageSpan, 'firstSeq' | 'lastSeq'>,
  snapshots: readonly Snapshot[],
): readonly Snapshot[] {
  return snapshots.filter(({ seq }) => seq >= firstSeq && (lastSeq === undefined || seq <= lastSeq))
}

/**
 * Where the bytes of a package are, if anywhere.
 * @param last a snapshot that lists it; undefined where none is kept that does
 */
export async function findState(
  { snapshots: { departed } }: Pick<ApiContext, 'snapshots'>,
  { cached, lastSeq, href }: Pick<PackageSpan, 'cached' | 'lastSeq' | 'href'>,
  last: Snapshot | undefined,
): Promise<PackageHistoryView['state']> {
  if (cached) return 'cached'
  if (lastSeq === undefined) return 'on_demand'
  const found = last === undefined ? undefined : await departed.find(last, href)
  return found?.departure?.state ?? 'at_risk'
}

async function toView(
  context: ApiContext,
  one: PackageSpan,
  listing: readonly Snapshot[],
): Promise<PackageHistoryView> {
  const [first, last] = [listing[0], listing.at(-1)]
  const isNewest = one.lastSeq === undefined
  return {
    nevra: formatNevra(one),
    name: one.name,
    epoch: one.epoch,
    version: one.version,
    release: one.release,
    arch: one.arch,
    href: one.href,
    digest: one.digest,
    bytes: one.size ?? null,
    source: one.source ?? null,
    first: first?.seq === one.firstSeq ? first.name : null,
    last: isNewest || last?.seq !== one.lastSeq ? null : last.name,
    newest: isNewest,
    snapshots: listing.length,
    state: await findState(context, one, last),
    path: last === undefined ? null : pathOf(one, last),
  }
}

function pathOf({ href }: PackageSpan, snapshot: Snapshot): string {
  const segments = [snapshot.mirror, snapshot.name, ...placeOf(href, snapshot).split('/')]
  return `/repos/yum/${segments.map(encodeURIComponent).join('/')}`
}

import type { BlobStore } from '../cache/blob-store.ts'
import { PinyonError } from '../model/errors.ts'
import type { Repomd } from '../model/repodata.ts'
import { describeStepBack } from '../model/repository-age.ts'
import { contradictsFingerprint, parseRepomd, repomdFingerprint } from '../repodata/repomd.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { KnownListing } from './listing/mirror-list.ts'
import { chooseByListing } from './listing/choose-repomd.ts'
import { readAndClose } from './read-blob.ts'
import { REPOMD_PATH, askRepomd, type FetchedRepomd, type RepomdRequest } from './repomd-source.ts'
import type { SeenRepomd, Snapshot, SnapshotReader } from './store.ts'

/** What a look needs. */
export interface LookContext {
  readonly mirror: string
  readonly upstream: Upstream
  readonly blobs: Pick<BlobStore, 'open'>
  readonly store: Pick<SnapshotReader, 'files' | 'defects'>
  /** Take what is older than the newest snapshot. */
  readonly allowOlder: boolean
  /** The metalink or mirrorlist as it is now; absent where there is none. */
  readonly refreshList?: (signal: AbortSignal) => Promise<KnownListing>
  /** Whether repomd.xml is verified by a signature. */
  readonly signature?: unknown
  readonly now: () => number
  readonly signal: AbortSignal
}

/** A repomd.xml that upstream shows. */
export interface Shown {
  readonly fetched: FetchedRepomd
  readonly repomd: Repomd
}

/** What upstream shows: a repomd.xml worth a snapshot, or what is that of the newest one. */
export type Look =
  | { readonly news: Shown }
  | { readonly news?: undefined; readonly snapshot: Snapshot; readonly shown: Shown | undefined }

/** What is known of upstream from before. */
export interface KnownUpstream {
  readonly newest: Snapshot | undefined
  readonly seen: SeenRepomd | undefined
  /** Whether repomd.xml is wanted whole though it may be the one that was seen. */
  readonly whole?: boolean
}

/** As many sources are looked at to find one that is not behind. */
const MAX_LOOKS = 8

/**
 * Looks at upstream's repomd.xml. With a metalink it has to be one of those that it lists, the newest that can be had; when that is the
 * one that was seen before, no mirror is asked. Else one that is older than the newest snapshot is passed over: sources may be out of step with each other,
 * so the others are asked as well.
 * @throws PinyonError REPODATA_OLDER when all that answer have an older one; REPODATA_MALFORMED; upstream's trouble
 */
export async function lookUpstream(context: LookContext, known: KnownUpstream): Promise<Look> {
  const list = await context.refreshList?.(context.signal)
  // A signature vouches for what a list that cannot be had any more does not know yet.
  const isVouchedFor = list?.error !== undefined && context.signature !== undefined
  if (list !== undefined && list.listing.repomds.length > 0 && !isVouchedFor)
    return await lookByListing(context, known, list)
  const first = await lookAt(context, known)
  if (!('older' in first)) return await lookElsewhere(context, known, first, list)
  for (const baseurl of othersThan(context, first.baseurl).slice(0, MAX_LOOKS - 1)) {
    const look = await lookAt(context, known, { onlyBaseurl: baseurl }).catch(() => undefined)
    context.signal.throwIfAborted()
    if (look !== undefined && !('older' in look)) return look
  }
  throw new PinyonError('REPODATA_OLDER', describeRefusal(context, first, known.seen))
}

async function lookByListing(
  context: LookContext,
  { newest, seen, whole = false }: KnownUpstream,
  list: KnownListing,
): Promise<Look> {
  const before = newest === undefined || whole ? undefined : seen
  const chosen = await chooseByListing(context, list, before)
  if (chosen === undefined) {
    if (newest !== undefined) return { snapshot: newest, shown: undefined }
    throw new PinyonError('UPSTREAM_STATUS', 'asked without conditions, upstream showed no repomd.xml')
  }
  const look = await judge(context, { newest, seen }, chosen)
  if ('older' in look) throw new PinyonError('REPODATA_OLDER', describeRefusal(context, look, seen))
  return look
}

/**
 * A mirrorlist says nothing of what is the newest, and a mirror that has stopped looks like one with nothing new: whenever the list is looked
 * at, so is another mirror.
 */
async function lookElsewhere(
  context: LookContext,
  known: KnownUpstream,
  first: Look & { readonly baseurl: string },
  list: KnownListing | undefined,
): Promise<Look> {
  if (first.news !== undefined || list?.isFresh !== true || known.whole === true) return first
  if (othersThan(context, first.baseurl).length === 0) return first
  const request = { except: new Set([first.baseurl]), isOptional: true }
  const other = await lookAt(context, known, request).catch(() => undefined)
  context.signal.throwIfAborted()
  return other !== undefined && !('older' in other) && other.news !== undefined ? other : first
}

function othersThan({ upstream }: LookContext, baseurl: string): readonly string[] {
  return upstream.baseurls.filter((one) => one !== baseurl)
}

/**
 * What the other sources show that is new, when the files that one's repomd.xml names could not be had: that one may be torn for good.
 * Sources that cannot be asked are passed over.
 */
export async function* lookPastTorn(
  context: LookContext,
  known: KnownUpstream,
  torn: FetchedRepomd,
): AsyncGenerator<Shown, void, undefined> {
  const seen = new Set([torn.seen.digest])
  // Mirrors of a list are many, and chosen anew with the next look.
  if (context.refreshList !== undefined) return
  for (const baseurl of othersThan(context, torn.seen.baseurl)) {
    const request = { onlyBaseurl: baseurl }
    const look = await lookAt(context, { ...known, whole: true }, request).catch(() => undefined)
    context.signal.throwIfAborted()
    if (look === undefined || 'older' in look || look.news === undefined) continue
    const { digest } = look.news.fetched.seen
    if (!seen.has(digest)) yield look.news
    seen.add(digest)
  }
}

interface OlderLook {
  readonly older: string
  readonly baseurl: string
}

/** @param request which source to look at; the first that answers unless told */
async function lookAt(
  context: LookContext,
  known: KnownUpstream,
  request: Omit<RepomdRequest, 'signal'> = {},
): Promise<(Look & { readonly baseurl: string }) | OlderLook> {
  const { upstream, signal } = context
  const { newest, seen, whole = false } = known
  const { baseurl, fetched } = await askRepomd(upstream, whole ? undefined : seen, { signal, ...request })
  if (fetched !== undefined) return { ...(await judge(context, known, fetched)), baseurl }
  if (newest !== undefined) return { snapshot: newest, shown: undefined, baseurl }
  throw new PinyonError('UPSTREAM_STATUS', `asked without conditions, upstream answered: 304`)
}

/** What a repomd.xml means beside the newest snapshot. */
async function judge(
  context: LookContext,
  { newest, seen }: KnownUpstream,
  fetched: FetchedRepomd,
): Promise<Look | OlderLook> {
  const repomd = parseRepomd(fetched.bytes)
  if (newest === undefined) return { news: { fetched, repomd } }
  if (await hasSameContent(context, repomd, newest)) return { snapshot: newest, shown: { fetched, repomd } }
  // Where nothing was seen of upstream before, the newest snapshot was adopted, and has the times of the server that made it.
  const isComparable = seen !== undefined && !context.allowOlder
  const older = isComparable ? await compareAge(context, repomd, newest) : undefined
  return older === undefined ? { news: { fetched, repomd } } : { older, baseurl: fetched.seen.baseurl }
}

async function hasSameContent(context: LookContext, repomd: Repomd, newest: Snapshot): Promise<boolean> {
  if (newest.fingerprint !== repomdFingerprint(repomd)) return false
  const last = await readRepomd(context, newest)
  if (last === undefined) return true
  const defects = await context.store.defects(newest)
  const refuted = new Set(defects.filter(({ kind }) => kind === 'open-checksum').map(({ path }) => path))
  return !contradictsFingerprint(repomd, last, (href) => refuted.has(href))
}

async function compareAge(
  context: LookContext,
  repomd: Repomd,
  newest: Snapshot,
): Promise<string | undefined> {
  const { revision } = newest
  const last = await readRepomd(context, newest)
  return describeStepBack(repomd, last ?? { revision }, context.now())
}

/** The repomd.xml of a snapshot; undefined when it cannot be read, which its own requests will tell of. */
async function readRepomd({ store, blobs }: LookContext, snapshot: Snapshot): Promise<Repomd | undefined> {
  const file = (await store.files(snapshot)).find(({ path }) => path === REPOMD_PATH)
  const blob = file?.digest === undefined ? undefined : await blobs.open(file.digest)
  const bytes = blob && (await readAndClose(blob))
  return bytes && parseRepomd(bytes)
}

function describeRefusal(
  { mirror, upstream }: LookContext,
  { older, baseurl }: OlderLook,
  seen: SeenRepomd | undefined,
): string {
  const moved = seen !== undefined && !upstream.baseurls.includes(seen.baseurl)
  const why = moved ? `; that one came from ${seen.baseurl}, which is no longer a baseurl` : ''
  return `upstream went backwards at ${baseurl}: ${older}${why}. The last snapshot stays. If the older one is meant, set allow_older: true on ${mirror} until the next snapshot`
}

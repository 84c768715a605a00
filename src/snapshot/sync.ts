import type { BlobStore } from '../cache/blob-store.ts'
import { ACTORS } from '../model/actor.ts'
import { PinyonError, toPinyonError, type ErrorCode } from '../model/errors.ts'
import type { ExtraWishes } from '../model/extra-files.ts'
import type { Repomd, RepomdRecord } from '../model/repodata.ts'
import { repomdFingerprint } from '../repodata/repomd.ts'
import type { Claims } from '../system/claims.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { captureFiles, type Capture } from './capture.ts'
import type { Growth, ReadAhead } from './capture-record.ts'
import { EXTRA_TYPE } from './extras/capture-extras.ts'
import { differing, findChangedExtras, type ExtraLooks } from './extras/extra-changes.ts'
import type { FetchFacts } from './farm/farm.ts'
import type { AheadJob } from './ingest-ahead.ts'
import type { IngestRunner } from './ingest-runner.ts'
import type { IngestJob } from './ingest.ts'
import { listChecks, toCheck } from './repodata-check.ts'
import type { SignatureCheck } from './keys/await-signature.ts'
import { SignatureHopes, noteLateSignature } from './keys/late-signature.ts'
import { findPending, settle } from './keys/pending-signature.ts'
import type { KnownListing } from './listing/mirror-list.ts'
import { lookPastTorn, lookUpstream, type KnownUpstream, type Shown } from './look-upstream.ts'
import type { FetchedRepomd } from './repomd-source.ts'
import type { CandidateFile, PublishedSnapshot, SeenRepomd, Snapshot, SnapshotStore } from './store.ts'

/** How far a sync is. */
export interface SyncProgress {
  readonly mirror: string
  readonly step: 'repomd' | 'files' | 'packages'
  readonly filesDone: number
  readonly filesTotal: number
  readonly bytes: number
  readonly packages: number
}

/** How a sync ended. */
export type SyncResult =
  | { readonly mirror: string; readonly outcome: 'unchanged'; readonly snapshot: Snapshot }
  | ({
      readonly mirror: string
      readonly outcome: 'published'
      readonly bytes: number
      /** Files beside those of repomd.xml that differ from the snapshot before, by path; none of a first one. */
      readonly extraFiles: readonly string[]
    } & PublishedSnapshot)
  | { readonly mirror: string; readonly outcome: 'failed'; readonly error: PinyonError }

/** What a sync reads of a mirror, and notes. */
export type SyncStore = Pick<
  SnapshotStore,
  'snapshots' | 'seenRepomd' | 'files' | 'defects' | 'signature' | 'recordSignature' | 'recordSync'
>

/** What a look upstream, and the capture of what it finds, need. */
export type CaptureNeeds = Omit<SyncContext, 'ingest'>

/** What a look came to: what is there already, or what became of what was captured. */
export type LookResult<T> =
  | { readonly unchanged: Snapshot; readonly seen: SeenRepomd | undefined }
  | { readonly unchanged?: undefined; readonly captured: T }

/** What was fetched for a capture. */
export type CaptureTally = Pick<SyncProgress, 'filesDone' | 'filesTotal' | 'bytes'>

/** What is told of a capture. */
export interface CaptureFacts {
  readonly tally: CaptureTally
  /** As {@link SyncResult} has them, by their paths in the repository. */
  readonly extraFiles: readonly string[]
}

/** What is done with a captured repository; what it throws counts as trouble with the capture. */
export type UseCapture<T> = (job: IngestJob, facts: CaptureFacts) => Promise<T>

/** What a sync of one mirror needs. */
export interface SyncContext {
  readonly mirror: string
  readonly strict: boolean
  /** Publish also what is older than the last snapshot. */
  readonly allowOlder: boolean
  /** Files beside those that repomd.xml names, to be pinned as they are; none unless told. */
  readonly extraFiles?: ExtraWishes
  /** When those are looked at though repomd.xml is the same; never unless told. */
  readonly extraLooks?: ExtraLooks
  /** How the signature of repomd.xml is verified; absent: it is not. */
  readonly signature?: SignatureCheck
  /** Which signatures are waited for; absent: none was before this sync. */
  readonly hopes?: SignatureHopes
  /** What the repository is called among all whose signatures are waited for, and whose extra files are looked at; as the mirror unless told. */
  readonly repository?: string
  readonly upstream: Upstream
  /** The mirror's metalink or mirrorlist as it is now; absent where it has none. */
  readonly refreshList?: (signal: AbortSignal) => Promise<KnownListing>
  readonly store: SyncStore
  readonly blobs: BlobStore
  readonly claims: Pick<Claims, 'tryClaim'>
  readonly ingest: IngestRunner
  readonly now: () => number
  readonly signal: AbortSignal
  /** Who asked for it; the schedule unless told. */
  readonly actor?: string
  readonly onProgress?: (progress: SyncProgress) => void
  /** Told when an ingest is likely to come: when files are about to be fetched, and of a mirror without a snapshot at once. May be repeated. */
  readonly onCapture?: () => void
  /** Reads the primary of a first snapshot while it is fetched: see ingest-ahead.ts. */
  readonly readAhead?: (ahead: AheadJob) => ((growth: Growth) => void) | undefined
  /** Told when the capture begins anew. */
  readonly onRestart?: () => void
}

/**
 * What keeps a capture from its end that may be one source's alone. One is `torn`: its repomd.xml and its files are not of each other, so
 * that another's repomd.xml is tried. One is `failing`: it is set aside, so that beginning anew asks another first.
 */
const SOURCE_TROUBLE: Readonly<Partial<Record<ErrorCode, 'torn' | 'failing'>>> = {
  UPSTREAM_GONE: 'torn',
  UPSTREAM_OVERSIZE: 'torn',
  DIGEST_MISMATCH: 'torn',
  REPODATA_MALFORMED: 'torn',
  UPSTREAM_UNREACHABLE: 'failing',
  UPSTREAM_TIMEOUT: 'failing',
  UPSTREAM_STATUS: 'failing',
  UPSTREAM_SHORT: 'failing',
}

/** Since when a capture is tried, and how often upstream published meanwhile. */
interface Attempt {
  /** As performance.now() gives it. */
  readonly startedAt: number
  readonly moved: number
}

/** How often a capture begins anew because upstream published meanwhile. */
const MAX_STARTS = 5

/**
 * Looks upstream once and publishes a snapshot if there is anything new. Never throws: a sync that fails changes nothing but the
 * mirror's record of it.
 */
export async function syncMirror(context: SyncContext): Promise<SyncResult> {
  return await runSync(context, () => lookAndPublish(context))
}

/** Runs a sync of a mirror, unless one runs already, and records it when it fails. Never throws. */
export async function runSync(
  context: Pick<SyncContext, 'mirror' | 'store' | 'claims' | 'signal' | 'now'>,
  work: () => Promise<SyncResult>,
): Promise<SyncResult> {
  const { mirror, store } = context
  const claim = context.claims.tryClaim(`sync ${mirror}`)
  if (claim === undefined) {
    const error = new PinyonError('SYNC_RUNNING', `another process is syncing: ${mirror}`)
    return { mirror, outcome: 'failed', error }
  }
  try {
    return await work()
  } catch (thrown) {
    const { signal } = context
    const error = toPinyonError(signal.aborted ? signal.reason : thrown)
    if (error.code !== 'SHUTTING_DOWN')
      // The result carries the error in any case; a database that cannot take it down must not hide it.
      await store
        .recordSync({ mirror, checkedAt: context.now(), error: error.message })
        .catch(() => undefined)
    return { mirror, outcome: 'failed', error }
  } finally {
    claim.release()
  }
}

async function lookAndPublish(context: SyncContext): Promise<SyncResult> {
  const { mirror, store, signal } = context
  const look = await lookAndCapture(context, async (job, { tally, extraFiles }) => {
    const onPackages = (packages: number) => report(context, { step: 'packages', ...tally, packages })
    return { bytes: tally.bytes, extraFiles, ...(await context.ingest(job, { signal, onPackages })) }
  })
  if (look.unchanged === undefined) return { mirror, outcome: 'published', ...look.captured }
  const record = { mirror, checkedAt: context.now(), error: undefined }
  await store.recordSync(look.seen === undefined ? record : { ...record, seen: look.seen })
  return { mirror, outcome: 'unchanged', snapshot: look.unchanged }
}

/**
 * Looks upstream, and captures what is worth a snapshot.
 * @throws PinyonError upstream's trouble, and what `use` throws, when no other source helped
 */
export async function lookAndCapture<T>(context: CaptureNeeds, use: UseCapture<T>): Promise<LookResult<T>> {
  const { mirror, store, signal } = context
  const attempt = { startedAt: performance.now(), moved: 0 }
  const [newest] = await store.snapshots(mirror)
  if (newest === undefined) context.onCapture?.()
  const pending = newest === undefined ? undefined : await findPending(context, newest)
  const seen = newest === undefined ? undefined : await store.seenRepomd(mirror)
  // What is pending is decided by what upstream has now, whether that is new or not.
  let known = { newest, seen, whole: pending !== undefined }
  let areExtrasNew = false
  let failure: PinyonError | undefined
  for (let start = 0; start < MAX_STARTS; start += 1) {
    signal.throwIfAborted()
    if (start > 0) context.onRestart?.()
    report(context, { step: 'repomd' })
    const look = await lookUpstream(context, known)
    if (look.news === undefined) {
      const { snapshot, shown } = look
      const end = shown && pending ? await settle(context, snapshot, shown, pending) : 'unchanged'
      if (end === 'moved') {
        attempt.moved += 1
        continue
      }
      if (end === 'unchanged' && !areExtrasNew) {
        areExtrasNew = await haveExtrasChanged(context, snapshot)
        if (!areExtrasNew) return { unchanged: snapshot, seen: shown?.fetched.seen }
        known = { ...known, whole: true }
        continue
      }
    }
    const shown = look.news ?? look.shown
    failure = undefined
    if (shown === undefined) continue
    try {
      const captured = await captureAndUse(context, shown, known.newest, attempt, use)
      if (captured !== undefined) return { captured: captured.value }
      attempt.moved += 1
    } catch (thrown) {
      signal.throwIfAborted()
      failure = toPinyonError(thrown)
      const trouble = SOURCE_TROUBLE[failure.code]
      const captured =
        trouble === 'torn' ? await captureElsewhere(context, shown, known, attempt, use) : undefined
      if (captured !== undefined) return { captured: captured.value }
      // What was fetched is there.
      if (trouble !== 'failing' || context.upstream.baseurls.length < 2) throw failure
    }
  }
  throw (
    failure ??
    new PinyonError('REPODATA_MOVING', `upstream published during each of ${MAX_STARTS} captures: ${mirror}`)
  )
}

/** Whether it is time to look at the files beside repomd.xml, and one is another: that is a snapshot, too. */
async function haveExtrasChanged(context: CaptureNeeds, newest: Snapshot): Promise<boolean> {
  const { mirror, repository = mirror, extraFiles, extraLooks, actor = ACTORS.schedule, now } = context
  if (extraFiles === undefined) return false
  const look = { repository, createdAt: newest.createdAt, actor, nowMs: now() }
  if (extraLooks?.take(look) !== true) return false
  return (await findChangedExtras(context, extraFiles, newest)).length > 0
}

/** Captures what another source shows than the one whose files cannot be had. Undefined when that cannot be had either, or moved meanwhile. */
async function captureElsewhere<T>(
  context: CaptureNeeds,
  { fetched }: Shown,
  known: KnownUpstream,
  attempt: Attempt,
  use: UseCapture<T>,
): Promise<{ readonly value: T } | undefined> {
  for await (const other of lookPastTorn(context, known, fetched)) {
    const captured = await captureAndUse(context, other, known.newest, attempt, use).catch(() => undefined)
    context.signal.throwIfAborted()
    if (captured !== undefined) return captured
  }
  return undefined
}

/** Undefined when upstream moved meanwhile. */
async function captureAndUse<T>(
  context: CaptureNeeds,
  { fetched, repomd }: Shown,
  newest: Snapshot | undefined,
  { startedAt, moved }: Attempt,
  use: UseCapture<T>,
): Promise<{ readonly value: T } | undefined> {
  const { mirror, upstream, blobs, claims, signal } = context
  const primary = findPrimary(repomd)
  upstream.beginGeneration?.(fetched.seen.digest)
  const filesTotal = new Set(repomd.records.map(({ href }) => href)).size
  let filesDone = 0
  let bytes = 0
  report(context, { step: 'files', filesTotal })
  context.onCapture?.()
  const onFile = (received: number) => {
    filesDone += 1
    bytes += received
    report(context, { step: 'files', filesDone, filesTotal, bytes })
  }
  const { signature } = context
  const checked = signature === undefined ? {} : { signature }
  const wished = context.extraFiles === undefined ? {} : { extraFiles: context.extraFiles }
  const readAhead: ReadAhead = (record, location) =>
    context.readAhead?.({ mirror, primary: toCheck(record, record.checksum), size: record.size, location })
  const capturing = { upstream, blobs, claims, signal, onFile, readAhead, ...wished, ...checked }
  const captured = await captureFiles(capturing, fetched, repomd)
  if (captured === undefined) return undefined
  refuseWithoutPrimary(primary, captured)
  const previous = newest === undefined ? undefined : await context.store.files(newest)
  const { hopes = new SignatureHopes(), repository = mirror } = context
  const mayCome = () => hopes.mayCome(repository, fetched.seen.digest, context.now())
  const capture = noteLateSignature(captured, previous, mayCome)
  const how = { durationMs: Math.round(performance.now() - startedAt), bytes, moved }
  const job = createJob(context, { ...fetched, how }, repomd, capture, previous)
  const extras = capture.files.filter(({ type }) => type === EXTRA_TYPE)
  const extraFiles = previous === undefined ? [] : differing(extras, previous)
  return { value: await use(job, { tally: { filesDone, filesTotal, bytes }, extraFiles }) }
}

function createJob(
  context: CaptureNeeds,
  fetched: FetchedRepomd & { readonly how: FetchFacts },
  repomd: Repomd,
  capture: Capture,
  previous: readonly CandidateFile[] | undefined,
): IngestJob {
  const { mirror, strict } = context
  const missing = previous?.filter(({ digest }) => digest === undefined).map(({ type }) => type)
  return {
    candidate: {
      mirror,
      fingerprint: repomdFingerprint(repomd),
      revision: repomd.revision,
      files: capture.files,
      defects: capture.defects,
      extras: capture.extras,
      seen: fetched.seen,
      fetched: fetched.how,
      ...(capture.signature === undefined ? {} : { signature: capture.signature }),
    },
    // A signature was waited for long enough: see late-signature.ts.
    acceptedMissing: missing && [...missing, 'signature'],
    strict,
    localize: true,
    checks: listChecks(repomd, capture.files),
    nowMs: context.now(),
    ...(context.actor === undefined ? {} : { actor: context.actor }),
  }
}

function findPrimary(repomd: Repomd): RepomdRecord {
  const primary = repomd.records.find(({ type }) => type === 'primary')
  if (primary === undefined) throw new PinyonError('REPODATA_MALFORMED', 'repomd.xml names no primary')
  return primary
}

function refuseWithoutPrimary({ href }: RepomdRecord, capture: Capture): void {
  const missing = capture.defects.find(({ path, kind }) => kind === 'missing' && path === href)
  if (missing !== undefined)
    throw new PinyonError('UPSTREAM_GONE', `${href} cannot be had: ${missing.message}`)
}

function report(
  context: CaptureNeeds,
  progress: Partial<SyncProgress> & { readonly step: SyncProgress['step'] },
): void {
  const zero = { filesDone: 0, filesTotal: 0, bytes: 0, packages: 0 }
  context.onProgress?.({ mirror: context.mirror, ...zero, ...progress })
}

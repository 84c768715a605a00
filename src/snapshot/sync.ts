import type { BlobStore } from '../cache/blob-store.ts'
import { PinyonError, toPinyonError } from '../model/errors.ts'
import type { Repomd, RepomdRecord } from '../model/repodata.ts'
import { repomdFingerprint } from '../repodata/repomd.ts'
import type { Claims } from '../system/claims.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { captureFiles, type Capture } from './capture.ts'
import type { IngestRunner } from './ingest-runner.ts'
import type { IngestJob } from './ingest.ts'
import { listChecks } from './repodata-check.ts'
import { lookUpstream } from './look-upstream.ts'
import type { FetchedRepomd } from './repomd-source.ts'
import type { PublishedSnapshot, SeenRepomd, Snapshot, SnapshotStore } from './store.ts'

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
  | ({ readonly mirror: string; readonly outcome: 'published'; readonly bytes: number } & PublishedSnapshot)
  | { readonly mirror: string; readonly outcome: 'failed'; readonly error: PinyonError }

/** What a sync of one mirror needs. */
export interface SyncContext {
  readonly mirror: string
  readonly strict: boolean
  /** Publish also what is older than the last snapshot. */
  readonly allowOlder: boolean
  readonly upstream: Upstream
  readonly store: SnapshotStore
  readonly blobs: BlobStore
  readonly claims: Pick<Claims, 'tryClaim'>
  readonly ingest: IngestRunner
  readonly now: () => number
  readonly signal: AbortSignal
  /** Who asked for it; the schedule unless told. */
  readonly actor?: string
  readonly onProgress?: (progress: SyncProgress) => void
}

/** How often a capture begins anew because upstream published meanwhile. */
const MAX_STARTS = 5

/**
 * Looks upstream once and publishes a snapshot if there is anything new. Never throws: a sync that fails changes nothing but the
 * mirror's record of it.
 */
export async function syncMirror(context: SyncContext): Promise<SyncResult> {
  const { mirror, store } = context
  const claim = context.claims.tryClaim(`sync ${mirror}`)
  if (claim === undefined) {
    const error = new PinyonError('SYNC_RUNNING', `another process is syncing: ${mirror}`)
    return { mirror, outcome: 'failed', error }
  }
  try {
    return await lookAndPublish(context)
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
  const [newest] = await store.snapshots(mirror)
  const seen = newest === undefined ? undefined : await store.seenRepomd(mirror)
  for (let start = 0; start < MAX_STARTS; start += 1) {
    signal.throwIfAborted()
    report(context, { step: 'repomd' })
    const look = await lookUpstream(context, newest, seen)
    if (look.news === undefined) return await unchanged(context, look.snapshot, look.seen)
    const published = await captureAndPublish(context, look.news.fetched, look.news.repomd, newest)
    if (published !== undefined) return published
  }
  throw new PinyonError(
    'REPODATA_MOVING',
    `upstream published during each of ${MAX_STARTS} captures: ${mirror}`,
  )
}

async function unchanged(context: SyncContext, snapshot: Snapshot, seen?: SeenRepomd): Promise<SyncResult> {
  const { mirror, store } = context
  const record = { mirror, checkedAt: context.now(), error: undefined }
  await store.recordSync(seen === undefined ? record : { ...record, seen })
  return { mirror, outcome: 'unchanged', snapshot }
}

/** Undefined when upstream moved meanwhile. */
async function captureAndPublish(
  context: SyncContext,
  fetched: FetchedRepomd,
  repomd: Repomd,
  newest: Snapshot | undefined,
): Promise<SyncResult | undefined> {
  const { mirror, upstream, blobs, signal } = context
  const primary = findPrimary(repomd)
  const filesTotal = new Set(repomd.records.map(({ href }) => href)).size
  let filesDone = 0
  let bytes = 0
  report(context, { step: 'files', filesTotal })
  const onFile = (received: number) => {
    filesDone += 1
    bytes += received
    report(context, { step: 'files', filesDone, filesTotal, bytes })
  }
  const capture = await captureFiles({ upstream, blobs, signal, onFile }, fetched, repomd)
  if (capture === undefined) return undefined
  refuseWithoutPrimary(primary, capture)
  const job = await createJob(context, fetched, repomd, capture, newest)
  const published = await context.ingest(job, {
    signal,
    onPackages: (packages) => report(context, { step: 'packages', filesDone, filesTotal, bytes, packages }),
  })
  return { mirror, outcome: 'published', bytes, ...published }
}

async function createJob(
  context: SyncContext,
  fetched: FetchedRepomd,
  repomd: Repomd,
  capture: Capture,
  newest: Snapshot | undefined,
): Promise<IngestJob> {
  const { mirror, strict, store } = context
  const previous = newest === undefined ? undefined : await store.files(newest)
  return {
    candidate: {
      mirror,
      fingerprint: repomdFingerprint(repomd),
      revision: repomd.revision,
      files: capture.files,
      defects: capture.defects,
      seen: fetched.seen,
    },
    acceptedMissing: previous?.filter(({ digest }) => digest === undefined).map(({ type }) => type),
    strict,
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
  context: SyncContext,
  progress: Partial<SyncProgress> & { readonly step: SyncProgress['step'] },
): void {
  const zero = { filesDone: 0, filesTotal: 0, bytes: 0, packages: 0 }
  context.onProgress?.({ mirror: context.mirror, ...zero, ...progress })
}

import { joinArch } from '../../model/arch.ts'
import { PinyonError } from '../../model/errors.ts'
import { parseRepomd } from '../../repodata/repomd.ts'
import type { IngestJob } from '../ingest.ts'
import type { IngestRunner } from '../ingest-runner.ts'
import { listChecks } from '../repodata-check.ts'
import { readWhole } from '../read-blob.ts'
import { REPOMD_PATH } from '../repomd-source.ts'
import type { SeenRepomd, Snapshot } from '../store.ts'
import {
  lookAndCapture,
  runSync,
  type CaptureFacts,
  type CaptureNeeds,
  type CaptureTally,
  type LookResult,
  type SyncContext,
  type SyncResult,
} from '../sync.ts'
import { openArchStore, recapture, type ArchesStore } from './arch-store.ts'
import { nameArch, type ArchesJob, type ArchPart } from './ingest-arches.ts'

/** Where one architecture of a mirror comes from. */
export type ArchSource = Pick<CaptureNeeds, 'upstream' | 'refreshList' | 'signature'> & {
  readonly arch: string
}

/** What a sync of a mirror of several architectures needs: as of one repository, but for what differs between them. */
export interface ArchesContext extends Omit<
  SyncContext,
  'store' | 'upstream' | 'refreshList' | 'signature' | 'ingest'
> {
  readonly store: ArchesStore
  /** By name. */
  readonly arches: readonly ArchSource[]
  readonly ingest: IngestRunner<ArchesJob>
}

type Captured = CaptureFacts & { readonly job: IngestJob }

interface LookedAt {
  readonly source: ArchSource
  readonly look: LookResult<Captured>
}

/**
 * Looks at every architecture upstream once, and publishes one snapshot of all of them if anything is new of any: what is new as it was captured,
 * the others as the last snapshot has them. When one of them fails nothing is published. Never throws.
 */
export async function syncArches(context: ArchesContext): Promise<SyncResult> {
  return await runSync(context, () => lookAndPublish(context))
}

async function lookAndPublish(context: ArchesContext): Promise<SyncResult> {
  const { mirror, store } = context
  const [newest] = await store.snapshots(mirror)
  const looked: LookedAt[] = []
  // One after the other: what fails spares the rest, and progress is of one at a time.
  for (const source of context.arches) looked.push(await lookAt(context, source, sumOf(looked)))
  if (newest !== undefined && isUnchanged(looked, newest)) {
    await store.recordSync({
      mirror,
      checkedAt: context.now(),
      error: undefined,
      seenArches: new Map(looked.flatMap(({ source, look }) => seenOf(source, look))),
    })
    return { mirror, outcome: 'unchanged', snapshot: newest }
  }
  const parts: ArchPart[] = []
  for (const { source, look } of looked) parts.push(await toPart(context, source, look))
  const tally = sumOf(looked)
  const { now, actor, signal } = context
  const published = await context.ingest(
    { mirror, parts, nowMs: now(), ...(actor === undefined ? {} : { actor }) },
    {
      signal,
      onPackages: (packages) => context.onProgress?.({ mirror, step: 'packages', ...tally, packages }),
    },
  )
  const extraFiles = looked.flatMap(changedExtrasOf)
  return { mirror, outcome: 'published', bytes: tally.bytes, extraFiles, ...published }
}

async function lookAt(
  context: ArchesContext,
  { arch, ...source }: ArchSource,
  before: CaptureTally,
): Promise<LookedAt> {
  const { onProgress } = context
  const needs: CaptureNeeds = {
    ...context,
    ...source,
    store: openArchStore(context.store, arch),
    repository: `${context.mirror} ${arch}`,
    onProgress: (progress) => onProgress?.({ ...progress, ...addTallies(before, progress) }),
  }
  try {
    const look = await lookAndCapture(needs, async (job, facts): Promise<Captured> => ({ job, ...facts }))
    return { source: { arch, ...source }, look }
  } catch (error) {
    context.signal.throwIfAborted()
    throw nameArch(arch, error)
  }
}

function isUnchanged(looked: readonly LookedAt[], newest: Snapshot): boolean {
  const now = looked.map(({ source }) => source.arch).toSorted()
  return (
    looked.every(({ look }) => look.unchanged !== undefined) && now.join(' ') === newest.arches?.join(' ')
  )
}

function seenOf({ arch }: ArchSource, look: LookResult<Captured>): (readonly [string, SeenRepomd])[] {
  return look.unchanged === undefined || look.seen === undefined ? [] : [[arch, look.seen]]
}

function changedExtrasOf({ source: { arch }, look }: LookedAt): readonly string[] {
  return look.unchanged === undefined ? look.captured.extraFiles.map((path) => joinArch(arch, path)) : []
}

async function toPart(
  context: ArchesContext,
  { arch }: ArchSource,
  look: LookResult<Captured>,
): Promise<ArchPart> {
  if (look.unchanged === undefined) return { arch, job: look.captured.job }
  const { store, blobs, mirror, strict, now } = context
  const last = await recapture(store, look.unchanged, arch)
  const own = last?.candidate.files.find(({ path }) => path === REPOMD_PATH)
  if (last === undefined || own === undefined)
    throw new PinyonError('STORE_FAILED', `the last snapshot of ${mirror} has no repomd.xml of: ${arch}`)
  const { candidate, found } = last
  const repomd = await readWhole(blobs, own)
  const job: IngestJob = {
    candidate: look.seen === undefined ? candidate : { ...candidate, seen: look.seen },
    // What is absent was accepted when it was published.
    acceptedMissing: undefined,
    strict,
    checks: listChecks(parseRepomd(repomd), candidate.files),
    nowMs: now(),
  }
  return { arch, job, kept: { snapshotId: look.unchanged.id, found } }
}

function sumOf(looked: readonly LookedAt[]): CaptureTally {
  const none: CaptureTally = { filesDone: 0, filesTotal: 0, bytes: 0 }
  return looked.reduce(
    (sum, { look }) => (look.unchanged === undefined ? addTallies(sum, look.captured.tally) : sum),
    none,
  )
}

function addTallies(a: CaptureTally, b: CaptureTally): CaptureTally {
  return {
    filesDone: a.filesDone + b.filesDone,
    filesTotal: a.filesTotal + b.filesTotal,
    bytes: a.bytes + b.bytes,
  }
}

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { BlobStore } from '../../cache/blob-store.ts'
import { PinyonError, toPinyonError } from '../../model/errors.ts'
import { SNAPSHOT_NAME } from '../../model/snapshot-name.ts'
import type { Claim, Claims } from '../../system/claims.ts'
import { captureOld } from './adopt-capture.ts'
import { addCounts, copyPackages, type DiskRoom } from './adopt-packages.ts'
import { ReportBuilder, type AdoptedOld } from './adopt-report.ts'
import type { Tree, TreeMirror } from './adopt-tree.ts'
import { ingest } from '../ingest.ts'
import type { Adoption, CandidateFile, SnapshotStore } from '../store.ts'
import type { PackagePage } from './listed-package.ts'

/** How far an adoption is. */
export interface AdoptProgress {
  readonly mirror: string
  readonly step: 'snapshots' | 'packages' | 'waiting'
  readonly done: number
  readonly total: number
  /** Of packages copied. */
  readonly bytes: number
}

/** What adopting a mirror needs. */
export interface AdoptContext {
  readonly tree: Tree
  readonly mirror: TreeMirror
  /** Whether the configuration has the mirror. */
  readonly configured: boolean
  readonly store: SnapshotStore
  /** The blobs there are. */
  readonly blobs: BlobStore
  /** The file system that they are on. */
  readonly room: () => Promise<DiskRoom>
  /** Whether packages are taken in as well; else those that are wanted come from upstream. */
  readonly packages: boolean
  /** Given for a trial, in which nothing is stored: where repodata are kept while they are read. */
  readonly trialBlobs?: BlobStore
  readonly claims: Pick<Claims, 'tryClaim'>
  readonly now: () => number
  /** Who adopts. */
  readonly actor: string
  readonly signal: AbortSignal
  readonly onProgress?: (progress: AdoptProgress) => void
}

/** How long a sync that runs is waited for, and how often it is asked after, in milliseconds. */
const SYNC_WAIT_MS = 600_000
const SYNC_POLL_MS = 200

/** Adopts snapshots that come to lie side by side: reads all of them, then stores their packages, then makes them visible. */
export async function adoptGroup(
  context: AdoptContext,
  names: readonly string[],
  report: ReportBuilder,
): Promise<void> {
  if (names.length === 0) return
  const adoption = context.store.adopt(context.mirror.name)
  try {
    const files: CandidateFile[] = []
    const added: AdoptedOld[] = []
    for (const [index, name] of names.entries()) {
      progress(context, { step: 'snapshots', done: index, total: names.length })
      await addSnapshot(context, adoption, name, { report, files, added })
    }
    if (added.length === 0) return
    await copyInto(context, report, adoption.packages())
    if (context.trialBlobs === undefined) {
      const generation = await commit(context, adoption, files)
      report.generation ??= generation
    }
    report.adopted.push(...added)
    // Nothing referred to packages while others were copied, which may have taken hours: what was evicted meanwhile is brought once more.
    if (report.packages.copied > 0 && context.trialBlobs === undefined)
      await copyInto(context, new ReportBuilder(context.mirror.name), adoption.packages())
  } finally {
    await adoption.close()
  }
}

interface Group {
  readonly report: ReportBuilder
  readonly files: CandidateFile[]
  readonly added: AdoptedOld[]
}

async function addSnapshot(
  context: AdoptContext,
  adoption: Adoption,
  name: string,
  { report, files, added }: Group,
): Promise<void> {
  const { tree, mirror, trialBlobs, signal } = context
  const blobs = trialBlobs ?? context.blobs
  try {
    const job = await captureOld({ tree, mirror, name }, blobs, signal)
    let defects: string[] = []
    const publish: Adoption['add'] = async (publication) =>
      await adoption.add({
        ...publication,
        // They are asked for once more when all of it is made visible.
        checkBlobs: false,
        complete: async (duplicates) => {
          const candidate = await publication.complete(duplicates)
          const told = candidate.defects.filter(({ kind }) => kind !== 'base')
          defects = told.map(({ path, message }) => `${path}: ${message}`)
          return candidate
        },
      })
    const { snapshot } = await ingest(job, { blobs, store: { publish } })
    added.push({ name, packages: snapshot.packageCount, defects })
    files.push(...job.candidate.files)
    if (trialBlobs === undefined) return
    for (const { digest } of job.candidate.files) if (digest !== undefined) await trialBlobs.remove(digest)
  } catch (error) {
    signal.throwIfAborted()
    report.refused.push({ name, reason: refusalOf(error) })
  }
}

/** Stores packages that the tree has. */
export async function copyInto(
  context: AdoptContext,
  report: ReportBuilder,
  pages: AsyncIterable<PackagePage>,
): Promise<void> {
  const { tree, blobs, trialBlobs, room, signal } = context
  if (!context.packages) return
  const counts = await copyPackages(
    {
      tree,
      blobs,
      room,
      signal,
      directories: await packageDirectories(context),
      read: trialBlobs === undefined,
      onProgress: ({ listed, copiedBytes }, total) =>
        progress(context, { step: 'packages', done: listed, total, bytes: copiedBytes }),
      onWrong: (reason) => report.addWrong(reason),
    },
    pages,
  )
  report.packages = addCounts(report.packages, counts)
}

/** `base`, and dated directories that have more in them than repodata. */
async function packageDirectories({ tree, mirror }: AdoptContext): Promise<string[]> {
  const directories = [join(mirror.directory, 'base')]
  for (const name of await tree.directories(mirror.directory)) {
    const directory = join(mirror.directory, name)
    if (SNAPSHOT_NAME.test(name) && (await tree.hasPackages(directory))) directories.push(directory)
  }
  return directories
}

async function commit(
  context: AdoptContext,
  adoption: Adoption,
  files: readonly CandidateFile[],
): Promise<number | undefined> {
  const { configured, blobs, now, actor } = context
  const claim = await claimSync(context)
  try {
    // Until now nothing referred to them.
    for (const { digest, path } of files)
      if (digest !== undefined && (await blobs.keep(digest)) === undefined)
        throw new PinyonError('STORE_FAILED', `it was removed again meanwhile, run this once more: ${path}`)
    return (await adoption.commit({ configured, nowMs: now(), actor })).generation
  } finally {
    claim.release()
  }
}

/** Only now, since packages may take hours: meanwhile the mirror is synced as ever. */
async function claimSync(context: AdoptContext): Promise<Claim> {
  const giveUpAt = performance.now() + SYNC_WAIT_MS
  for (;;) {
    const claim = context.claims.tryClaim(`sync ${context.mirror.name}`)
    if (claim !== undefined) return claim
    if (performance.now() > giveUpAt)
      throw new PinyonError('SYNC_RUNNING', `another process is still syncing: ${context.mirror.name}`)
    progress(context, { step: 'waiting', done: 0, total: 1 })
    await sleep(SYNC_POLL_MS, undefined, { signal: context.signal })
  }
}

function progress(
  context: AdoptContext,
  { bytes = 0, ...rest }: Omit<AdoptProgress, 'mirror' | 'bytes'> & { readonly bytes?: number },
): void {
  context.onProgress?.({ mirror: context.mirror.name, bytes, ...rest })
}

/** Why a snapshot cannot be had from the tree; throws what is no such reason. */
export function refusalOf(thrown: unknown): string {
  const error = toPinyonError(thrown)
  if (error.kind.source !== 'upstream') throw error
  return error.message
}

import type Database from 'better-sqlite3'

import { ACTORS } from '../model/actor.ts'
import { PinyonError } from '../model/errors.ts'
import type { PackageRecord } from '../model/repodata.ts'
import { nextSnapshotName } from '../model/snapshot-name.ts'
import { climbOfStored } from '../model/snapshot-path.ts'
import { removeFile } from '../system/publish.ts'
import { toKeptParts } from './arches/kept-arches.ts'
import { refreshIndex } from './index-change.ts'
import { writePackages } from './package-changes.ts'
import { PackageStage } from './package-stage.ts'
import { describeReplaced } from './replaced.ts'
import {
  ATTACH_STAGE,
  BOUND_CACHES,
  CREATE_GONE,
  DETACH_STAGE,
  DROP_GONE,
  INDEX_ATTACHED_STAGE,
  preparePublish,
  type PublishStatements,
  type ReadStatements,
  type WriteStatements,
} from './sql.ts'
import { toSeenArches, toSnapshot } from './rows.ts'
import type { Candidate, Defect, Publication, PublishedSnapshot } from './store.ts'
import { runWrite } from './write-transaction.ts'

interface PublishContext {
  readonly database: Database.Database
  readonly reads: ReadStatements
  readonly writes: WriteStatements
  /** A path for the scratch database; removed afterwards. */
  readonly scratchFile: string
}

/** Writes a publication: its packages to the stage as they come, then everything else in one transaction. */
export async function publish(context: PublishContext, publication: Publication): Promise<PublishedSnapshot> {
  return await writeStaged(context, publication, async (duplicates) => {
    const candidate = await publication.complete(duplicates)
    return (statements, climb) => {
      if (publication.checkBlobs === true) checkBlobs(context.reads, candidate)
      return writeSnapshot(context, statements, { ...candidate, climb }, publication)
    }
  })
}

/**
 * Stages packages of a mirror, and writes with them in one transaction.
 * @param complete is told of contradicting duplicates once all packages were read, and gives what is done in the transaction, with how far
 *   the packages climb
 */
export async function writeStaged<T>(
  { database, reads, scratchFile }: Omit<PublishContext, 'writes'>,
  { mirror, packages }: Pick<Publication, 'mirror' | 'packages'>,
  complete: (duplicates: readonly Defect[]) => Promise<(statements: PublishStatements, climb: number) => T>,
): Promise<T> {
  try {
    const isSearched = reads.anyPackageOf.get({ mirror }) !== undefined
    const { duplicates, climb } = await stagePackages(scratchFile, packages, isSearched)
    const write = await complete(duplicates)
    database.prepare(ATTACH_STAGE).run(scratchFile)
    try {
      database.exec(BOUND_CACHES)
      database.exec(CREATE_GONE)
      const statements = preparePublish(database)
      const transaction = () => {
        // Some were adopted meanwhile.
        if (!isSearched && reads.anyPackageOf.get({ mirror }) !== undefined)
          database.exec(INDEX_ATTACHED_STAGE)
        return write(statements, climb)
      }
      return await runWrite(database, transaction, { durable: true })
    } finally {
      database.exec(DROP_GONE)
      database.exec(DETACH_STAGE)
    }
  } finally {
    await removeFile(scratchFile)
  }
}

async function stagePackages(
  file: string,
  batches: AsyncIterable<readonly PackageRecord[]>,
  isSearched: boolean,
): Promise<{ readonly duplicates: readonly Defect[]; readonly climb: number }> {
  const stage = new PackageStage(file)
  try {
    for await (const packages of batches) stage.add(packages)
    return { duplicates: stage.finish({ isSearched }), climb: stage.climb }
  } finally {
    stage.close()
  }
}

/** In the same transaction: from now on a collection finds these blobs listed. */
function checkBlobs(reads: ReadStatements, candidate: Candidate): void {
  for (const { path, digest } of candidate.files)
    if (digest !== undefined && reads.blob.get({ digest }) === undefined)
      throw new PinyonError('REPODATA_MOVING', `its blob is gone before it was published: ${path}`)
}

function writeSnapshot(
  context: PublishContext,
  statements: PublishStatements,
  candidate: Candidate & { readonly climb: number },
  { nowMs, actor = ACTORS.schedule, kept }: Publication,
): PublishedSnapshot {
  const { reads, writes } = context
  writes.addMirror.run({ name: candidate.mirror })
  const mirror = writes.mirrorByName.get({ name: candidate.mirror }) as { id: number }
  const newest = writes.newestSnapshot.get({ mirrorId: mirror.id }) as
    { id: number; seq: number; name: string; arches: string | null; climb: number } | undefined
  if (kept !== undefined && newest?.id !== kept.snapshotId)
    throw new PinyonError('REPODATA_MOVING', `another snapshot of ${candidate.mirror} came meanwhile`)
  const seq = (newest?.seq ?? 0) + 1
  const name = nextSnapshotName(nowMs, newest?.name)
  const { fingerprint, revision = null, xmlBase = null } = candidate
  const keptParts = toKeptParts(kept)
  const staying = { mirrorId: mirror.id, keptParts }
  const keptClimb = newest === undefined || newest.climb === 0 ? 0 : climbOfKept(statements, staying)
  const inserted = statements.addSnapshot.run({
    mirrorId: mirror.id,
    seq,
    name,
    createdAt: nowMs,
    fingerprint,
    revision,
    climb: Math.max(candidate.climb, keptClimb),
    xmlBase,
    ...countPackages(statements, candidate, staying),
    arches: candidate.arches?.map(({ arch }) => arch).join(' ') ?? null,
  })
  const snapshotId = Number(inserted.lastInsertRowid)
  for (const { path, type, digest = null, size } of candidate.files)
    writes.addRepodataFile.run({ snapshotId, path, type, digest, size })
  for (const { path, digest, size = null, statedBy = null } of candidate.extras ?? [])
    writes.addExtraFile.run({ snapshotId, path, digest, size, statedBy })
  for (const { path, kind, message } of candidate.defects)
    writes.addDefect.run({ snapshotId, path, kind, message })
  if (candidate.signature !== undefined)
    writes.addSignature.run({ snapshotId, arch: '', ...candidate.signature })
  writeFetch(writes, snapshotId, '', candidate)
  writeArches(context, candidate, snapshotId)
  const byArch = candidate.arches !== undefined && typeof newest?.arches === 'string'
  const packages = writePackages(statements, {
    ...staying,
    seq,
    byArch,
    hasArches: candidate.arches !== undefined,
  })
  const primary = candidate.files.find(({ type }) => type === 'primary')
  const replaced = describeReplaced(packages.named, packages.replaced, primary?.path ?? '')
  for (const { path, kind, message } of replaced) writes.addDefect.run({ snapshotId, path, kind, message })
  writes.recordSync.run({ mirror: candidate.mirror, checkedAt: nowMs, error: null })
  writeSeen(context, candidate)
  // A pinned mirror's current snapshot stays what it is, and so does an unlisted one's place outside the index.
  const generation = refreshIndex(writes, nowMs, { cause: 'sync', actor })
  const snapshot = toSnapshot(reads.snapshotAtSeq.get({ mirrorId: mirror.id, seq }))
  if (snapshot === undefined) throw new Error(`the snapshot just written is not there: ${name}`)
  return {
    snapshot,
    generation,
    added: packages.added,
    removed: packages.removed,
    replaced: packages.replaced,
  }
}

/** Packages that a mirror's newest snapshot has and that are not staged. */
interface Staying {
  readonly mirrorId: number
  readonly keptParts: string
}

/** How many packages a snapshot lists that is about to be written, and their bytes: what several architectures have is one. */
export function countPackages(
  { countIncoming, countDistinct }: PublishStatements,
  { arches }: { readonly arches?: readonly unknown[] | undefined },
  staying: Staying,
): { readonly count: number; readonly bytes: number } {
  const counted = arches === undefined ? countIncoming.get() : countDistinct.get(staying)
  return counted as { count: number; bytes: number }
}

function climbOfKept({ keptClimbing }: PublishStatements, staying: Staying): number {
  let climb = 0
  for (const row of keptClimbing.iterate(staying))
    climb = Math.max(climb, climbOfStored((row as { href: string }).href))
  return climb
}

function writeArches({ writes }: PublishContext, { arches = [] }: Candidate, snapshotId: number): void {
  for (const one of arches) {
    const { arch, fingerprint, revision = null, xmlBase = null, signature } = one
    writes.addArch.run({ snapshotId, arch, fingerprint, revision, xmlBase })
    writeFetch(writes, snapshotId, arch, one)
    if (signature !== undefined) writes.addSignature.run({ snapshotId, arch, ...signature })
  }
}

/** From where and how it was fetched. */
function writeFetch(
  { addFetch }: WriteStatements,
  snapshotId: number,
  arch: string,
  { seen, fetched }: Pick<Candidate, 'seen' | 'fetched'>,
): void {
  if (seen === undefined || fetched === undefined) return
  const { baseurl, named } = seen
  addFetch.run({ snapshotId, arch, baseurl, listed: named === undefined ? 0 : 1, ...fetched })
}

/** What upstream showed; of an architecture that shows nothing new, what it showed before. */
function writeSeen({ reads, writes }: PublishContext, { mirror, seen, arches }: Candidate): void {
  if (seen !== undefined) {
    const { baseurl, named = null, etag = null, lastModified = null, digest } = seen
    writes.recordSeen.run({ mirror, baseurl, named, etag, lastModified, digest })
  }
  if (arches === undefined) return
  const row = reads.seenArches.get({ mirror }) as { seen: string | null }
  const before = toSeenArches(row.seen)
  const now = arches.map((one) => [one.arch, one.seen ?? before.get(one.arch)] as const)
  writes.recordSeenArches.run({ mirror, seen: JSON.stringify(Object.fromEntries(now)) })
}

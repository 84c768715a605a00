import type Database from 'better-sqlite3'

import { ACTORS } from '../model/actor.ts'
import type { PackageRecord } from '../model/repodata.ts'
import { nextSnapshotName } from '../model/snapshot-name.ts'
import { removeFile } from '../system/publish.ts'
import { refreshIndex } from './index-change.ts'
import { PackageStage } from './package-stage.ts'
import {
  ATTACH_STAGE,
  DETACH_STAGE,
  preparePublish,
  type PublishStatements,
  type ReadStatements,
  type WriteStatements,
} from './sql.ts'
import { toSnapshot } from './rows.ts'
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
  const { database, scratchFile } = context
  try {
    const candidate = await publication.complete(await stagePackages(scratchFile, publication.packages))
    database.prepare(ATTACH_STAGE).run(scratchFile)
    try {
      const statements = preparePublish(database)
      const write = () => writeSnapshot(context, statements, candidate, publication)
      return await runWrite(database, write, { durable: true })
    } finally {
      database.exec(DETACH_STAGE)
    }
  } finally {
    await removeFile(scratchFile)
  }
}

async function stagePackages(
  file: string,
  batches: AsyncIterable<readonly PackageRecord[]>,
): Promise<readonly Defect[]> {
  const stage = new PackageStage(file)
  try {
    for await (const packages of batches) stage.add(packages)
    return stage.finish()
  } finally {
    stage.close()
  }
}

function writeSnapshot(
  context: PublishContext,
  statements: PublishStatements,
  candidate: Candidate,
  { nowMs, actor = ACTORS.schedule }: Publication,
): PublishedSnapshot {
  const { reads, writes } = context
  writes.addMirror.run({ name: candidate.mirror })
  const mirror = writes.mirrorByName.get({ name: candidate.mirror }) as { id: number }
  const newest = writes.newestSnapshot.get({ mirrorId: mirror.id }) as
    { seq: number; name: string } | undefined
  const seq = (newest?.seq ?? 0) + 1
  const name = nextSnapshotName(nowMs, newest?.name)
  const { fingerprint, revision = null } = candidate
  const inserted = statements.addSnapshot.run({
    mirrorId: mirror.id,
    seq,
    name,
    createdAt: nowMs,
    fingerprint,
    revision,
  })
  const snapshotId = Number(inserted.lastInsertRowid)
  for (const { path, type, digest = null, size } of candidate.files)
    writes.addRepodataFile.run({ snapshotId, path, type, digest, size })
  for (const { path, kind, message } of candidate.defects)
    writes.addDefect.run({ snapshotId, path, kind, message })
  const removed = statements.closeGonePackages.run({ mirrorId: mirror.id, seq }).changes
  const added = statements.addNewPackages.run({ mirrorId: mirror.id, seq }).changes
  writes.recordSync.run({ mirror: candidate.mirror, checkedAt: nowMs, error: null })
  const { baseurl, etag = null, lastModified = null, digest } = candidate.seen
  writes.recordSeen.run({ mirror: candidate.mirror, baseurl, etag, lastModified, digest })
  // A pinned mirror's current snapshot stays what it is, and so does an unlisted one's place outside the index.
  const generation = refreshIndex(writes, nowMs, { cause: 'sync', actor })
  const snapshot = toSnapshot(reads.snapshotAtSeq.get({ mirrorId: mirror.id, seq }))
  if (snapshot === undefined) throw new Error(`the snapshot just written is not there: ${name}`)
  return {
    snapshot,
    generation,
    added,
    removed,
  }
}

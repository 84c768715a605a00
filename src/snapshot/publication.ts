import type Database from 'better-sqlite3'

import type { PackageRecord } from '../model/repodata.ts'
import { nextSnapshotName } from '../model/snapshot-name.ts'
import { removeFile } from '../system/publish.ts'
import { hashHref } from './database.ts'
import { changeIndex } from './index-change.ts'
import {
  ATTACH_SCRATCH,
  CREATE_SCRATCH,
  DETACH_SCRATCH,
  preparePublish,
  type PublishStatements,
  type ReadStatements,
  type WriteStatements,
} from './sql.ts'
import { toSnapshot } from './rows.ts'
import type { Candidate, Defect, Publication, PublishedSnapshot } from './store.ts'

/** As many duplicate hrefs as are worth naming. */
const MAX_DUPLICATES = 20

interface PublishContext {
  readonly database: Database.Database
  readonly reads: ReadStatements
  readonly writes: WriteStatements
  /** A path for the scratch database; removed afterwards. */
  readonly scratchFile: string
}

/** Writes a publication: its packages to the scratch database as they come, then everything else in one transaction. */
export async function publish(context: PublishContext, publication: Publication): Promise<PublishedSnapshot> {
  const { database } = context
  database.prepare(ATTACH_SCRATCH).run(context.scratchFile)
  try {
    database.exec(CREATE_SCRATCH)
    const statements = preparePublish(database)
    const duplicates: Defect[] = []
    for await (const packages of publication.packages)
      stagePackages(context, statements, packages, duplicates)
    const candidate = await publication.complete()
    const complete = { ...candidate, defects: [...candidate.defects, ...duplicates.slice(0, MAX_DUPLICATES)] }
    const commit = database.transaction(() => writeSnapshot(context, statements, complete, publication.nowMs))
    return commit.immediate()
  } finally {
    database.exec(DETACH_SCRATCH)
    await removeFile(context.scratchFile)
  }
}

/** Real repositories list one href twice; the first entry stands, and a second one with other content is a defect. */
function stagePackages(
  { database }: PublishContext,
  { addIncoming, incomingDigest }: PublishStatements,
  packages: readonly PackageRecord[],
  duplicates: Defect[],
): void {
  database.transaction(() => {
    for (const one of packages) {
      const { href, checksum, size = null, name, epoch, version, release, arch } = one
      const hash = hashHref(href)
      const row = [hash, href, checksum, size, name, epoch, version, release, arch]
      const { changes } = addIncoming.run(...row, hash, href)
      if (changes > 0 || duplicates.length >= MAX_DUPLICATES) continue
      const { digest } = incomingDigest.get(hash, href) as { digest: string }
      const message = `primary lists ${href} twice: ${digest} and ${checksum}; the first stands`
      if (digest !== checksum) duplicates.push({ path: href, kind: 'duplicate', message })
    }
  })()
}

function writeSnapshot(
  context: PublishContext,
  statements: PublishStatements,
  candidate: Candidate,
  nowMs: number,
): PublishedSnapshot {
  const { reads, writes } = context
  writes.addMirror.run({ name: candidate.mirror })
  const mirror = writes.mirrorByName.get({ name: candidate.mirror }) as { id: number; listed: number }
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
  const generation =
    mirror.listed === 1
      ? changeIndex(writes, nowMs, 'sync', [{ mirrorId: mirror.id, snapshotId }])
      : undefined
  const snapshot = toSnapshot(reads.snapshotAtSeq.get({ mirrorId: mirror.id, seq }))
  if (snapshot === undefined) throw new Error(`the snapshot just written is not there: ${name}`)
  return {
    snapshot,
    generation,
    added,
    removed,
  }
}

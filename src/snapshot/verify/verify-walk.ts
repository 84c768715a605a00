import type Database from 'better-sqlite3'

import { checkBlobFile } from '../../cache/blob-check.ts'
import type { DiskInventory } from '../../cache/disk-inventory.ts'
import { blobPath, type Layout } from '../../cache/layout.ts'
import type { Digest } from '../../model/digest.ts'
import { prepareVerify, type VerifyStatements } from './sql-verify.ts'
import type { BlobFinding, ListedFile, VerifyProgress, VerifyWalk } from './verify-report.ts'

/** What a walk reads, and whom it tells. */
export interface WalkContext {
  readonly layout: Layout
  readonly database: Database.Database
  readonly inventory: DiskInventory
  readonly onProgress: (progress: VerifyProgress) => void
}

/** Between two words on how far it is, in milliseconds. */
const PROGRESS_MS = 100

/**
 * Reads every blob and holds it against its digest, the account against the disk, and what snapshots list against both. Changes nothing.
 * It blocks its thread.
 */
export function walkBlobs(context: WalkContext): VerifyWalk {
  const { database, inventory } = context
  const statements = prepareVerify(database)
  const walk = new Walk(context, statements)
  const seen = new Set<string>()
  for (const { prefix, digests } of inventory.parts()) {
    seen.add(prefix)
    walk.readPart(prefix, digests)
  }
  for (const { prefix } of statements.blobPrefixes.all() as { prefix: string }[])
    if (!seen.has(prefix)) walk.readPart(prefix, [])
  walk.lookForAbsent()
  const { blobs, bytes, findings } = walk
  return { blobs, bytes, findings: findListings(statements, [...findings.values()]) }
}

class Walk {
  readonly findings = new Map<Digest, BlobFinding>()
  readonly #context: WalkContext
  readonly #statements: VerifyStatements
  readonly #total: number
  #toldAt = 0
  blobs = 0
  bytes = 0

  constructor(context: WalkContext, statements: VerifyStatements) {
    this.#context = context
    this.#statements = statements
    this.#total = (statements.blobCount.get() as { count: number }).count
  }

  /** Blobs whose digests begin alike: those of a directory, and those entered. */
  readPart(prefix: string, onDisk: readonly Digest[]): void {
    for (const digest of onDisk) this.#read(digest)
    const there = new Set(onDisk)
    const entered = this.#statements.blobsUnder.all({ from: prefix, to: `${prefix}~` }) as {
      digest: Digest
    }[]
    for (const { digest } of entered) if (!there.has(digest)) this.#read(digest)
  }

  /** Repodata of snapshots that are not even entered. */
  lookForAbsent(): void {
    for (const { digest } of this.#statements.absentRepodata.all() as { digest: Digest }[]) this.#read(digest)
  }

  #read(digest: Digest): void {
    const checked = checkBlobFile(blobPath(this.#context.layout, digest), digest)
    if (checked === undefined) return this.#noteAbsent(digest)
    this.blobs += 1
    this.bytes += checked.size
    if (checked.wrong !== undefined)
      this.findings.set(digest, { digest, reason: checked.wrong, hasFile: true })
    const nowMs = performance.now()
    if (nowMs - this.#toldAt < PROGRESS_MS) return
    this.#toldAt = nowMs
    this.#context.onProgress({ blobs: this.blobs, blobsTotal: this.#total, bytes: this.bytes })
  }

  /** It may have been collected meanwhile: then neither its entry nor anything that lists it is there any more. */
  #noteAbsent(digest: Digest): void {
    const isEntered = this.#statements.blob.get({ digest }) !== undefined
    const reason = isEntered ? 'its file is gone' : 'a snapshot cannot be without it, and it is not stored'
    this.findings.set(digest, { digest, reason, hasFile: false })
  }
}

/** Findings with what lists them. An absent blob that is neither entered nor listed is no finding. */
function findListings(
  statements: VerifyStatements,
  findings: readonly BlobFinding[],
): VerifyWalk['findings'] {
  for (const { digest } of findings) statements.suspect.run({ digest })
  const rows = findings.length === 0 ? [] : [...statements.repodata.all(), ...statements.packages.all()]
  const listings = Map.groupBy(rows as (ListedFile & { digest: Digest })[], ({ digest }) => digest)
  return findings
    .map((finding) => ({ ...finding, listed: (listings.get(finding.digest) ?? []).map(withoutDigest) }))
    .filter(
      ({ digest, hasFile, listed }) =>
        hasFile || listed.length > 0 || statements.blob.get({ digest }) !== undefined,
    )
}

function withoutDigest({ mirror, snapshot, snapshots, path, kind }: ListedFile): ListedFile {
  return { mirror, snapshot, snapshots, path, kind }
}

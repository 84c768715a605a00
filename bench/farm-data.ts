import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

import type Database from 'better-sqlite3'

import { blobPath, createLayout } from '../src/cache/layout.ts'
import type { Digest } from '../src/model/digest.ts'
import { formatSnapshotName } from '../src/model/snapshot-name.ts'
import { hashHref, openDatabase } from '../src/snapshot/database.ts'

/** A farm to measure: every mirror has as many snapshots of as many packages, a hundredth of which changed each time. */
export interface FarmSize {
  readonly mirrors: number
  readonly snapshots: number
  readonly packages: number
  /** Packages of each mirror that are in the cache. */
  readonly cached: number
  /** When the newest snapshot of each was made, in milliseconds since the epoch; eight hours lie between two. */
  readonly newestAt: number
  /** Whether there are no blobs at all: they take most of the time. */
  readonly isEmpty?: boolean
  /** Whether cached packages can be asked for: their bytes are their mirror's number and href, and there. */
  readonly hasPackages?: boolean
}

const EIGHT_HOURS_MS = 8 * 3_600_000
const REPODATA = [
  'repomd.xml',
  'primary.xml.gz',
  'filelists.xml.gz',
  'other.xml.gz',
  'group.xml',
  'updateinfo.xml.gz',
]

/** Fills a data directory with a farm, past every check: the rows are those that as many syncs would have left. */
export function writeFarm(dataDir: string, size: FarmSize): void {
  const layout = createLayout(dataDir)
  mkdirSync(layout.temporary, { recursive: true })
  const database = openDatabase(layout.database)
  const statements = prepare(database)
  try {
    for (let mirror = 1; mirror <= size.mirrors; mirror += 1)
      database.transaction(() => writeMirror(statements, mirror, size, dataDir))()
    database.transaction(() => writeGenerations(statements, size))()
    // As a server leaves it that has run for a while: nothing is to be fetched ahead, and what is cached was counted.
    database.prepare("UPDATE mirror SET prefetched_seq = ?, prefetch_policy = 'warm'").run(size.snapshots)
    database.prepare('UPDATE snapshot SET cached = ?, cached_bytes = 0').run(size.cached)
    database.exec('ANALYZE')
    database.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    database.close()
  }
}

/** The name of a mirror of the farm, counted from 1. */
export function mirrorName(mirror: number): string {
  return `mirror-${String(mirror).padStart(3, '0')}`
}

/** Where a package is. Those of the first hundredth have in each snapshot the version of its number, counted from 1. */
export function packageHref(number: number, version: number): string {
  return `Packages/p/package-${number}-${version}-1.x86_64.rpm`
}

/** When a snapshot of the farm was made, counted from 1, in milliseconds since the epoch. */
export function snapshotTime({ snapshots, newestAt }: FarmSize, seq: number): number {
  return newestAt - (snapshots - seq) * EIGHT_HOURS_MS
}

function prepare(database: Database.Database) {
  return {
    mirror: database.prepare(
      'INSERT INTO mirror (id, name, listed, checked_at, succeeded_at) VALUES (?, ?, 1, ?, ?)',
    ),
    snapshot: database.prepare(
      'INSERT INTO snapshot (id, mirror_id, seq, name, created_at, fingerprint, package_count, package_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    file: database.prepare('INSERT INTO repodata_file VALUES (?, ?, ?, ?, ?)'),
    package: database.prepare(
      "INSERT INTO package (mirror_id, href_hash, href, first_seq, last_seq, digest, size, name, epoch, version, release, arch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '0', ?, '1', 'x86_64')",
    ),
    blob: database.prepare('INSERT INTO blob VALUES (?, ?, ?)'),
    generation: database.prepare(
      "INSERT INTO generation (number, created_at, cause, actor) VALUES (?, ?, 'sync', 'schedule')",
    ),
    span: database.prepare('INSERT INTO current_span VALUES (?, ?, ?, ?)'),
  }
}

type Statements = ReturnType<typeof prepare>

function writeMirror(statements: Statements, mirror: number, size: FarmSize, dataDir: string): void {
  const { snapshots, packages, newestAt } = size
  statements.mirror.run(mirror, mirrorName(mirror), newestAt, newestAt)
  for (let seq = 1; seq <= snapshots; seq += 1) {
    const createdAt = snapshotTime(size, seq)
    const id = mirror * 10_000 + seq
    statements.snapshot.run(
      id,
      mirror,
      seq,
      formatSnapshotName(createdAt),
      createdAt,
      digest(`f${id}`),
      packages,
      packages * 300_000,
    )
    for (const name of REPODATA) {
      const content = digest(`${name} ${id}`)
      statements.file.run(id, `repodata/${name}`, name.split('.')[0], content, 100_000)
      if (size.isEmpty !== true) writeBlob(statements, dataDir, content, 100_000, createdAt)
    }
  }
  const changed = Math.round(packages / 100)
  for (let number = 0; number < packages; number += 1) {
    // The first hundredth has another version in each snapshot; the others are as they were in the first one.
    const versions = number < changed ? snapshots : 1
    for (let version = 1; version <= versions; version += 1) {
      const last = version === versions ? null : version
      const href = packageHref(number, version)
      const bytes = `${mirror} ${href}`
      const content = digest(bytes)
      const sizeBytes = size.hasPackages === true ? bytes.length : 300_000
      statements.package.run(
        mirror,
        hashHref(href),
        href,
        version,
        last,
        content,
        sizeBytes,
        `package-${number}`,
        String(version),
      )
      // Of those that changed every version was asked for, and so were some of the others.
      if (number < size.cached)
        writeBlob(statements, dataDir, content, sizeBytes, newestAt, size.hasPackages === true ? bytes : '')
    }
  }
}

function writeBlob(
  statements: Statements,
  dataDir: string,
  content: Digest,
  size: number,
  usedAt: number,
  bytes = '',
): void {
  const path = blobPath(createLayout(dataDir), content)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
  statements.blob.run(content, size, usedAt)
}

/** Mirrors publish in turn, one generation each. */
function writeGenerations(statements: Statements, { mirrors, snapshots, newestAt }: FarmSize): void {
  for (let seq = 1; seq <= snapshots; seq += 1)
    for (let mirror = 1; mirror <= mirrors; mirror += 1) {
      const number = (seq - 1) * mirrors + mirror
      statements.generation.run(number, newestAt - (snapshots - seq) * EIGHT_HOURS_MS)
      statements.span.run(
        mirror,
        number,
        seq === snapshots ? null : number + mirrors - 1,
        mirror * 10_000 + seq,
      )
    }
}

function digest(text: string): Digest {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

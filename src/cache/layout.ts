import { join } from 'node:path'

import { digestAlgorithm, digestHex, type Digest } from '../model/digest.ts'

/**
 * Every path below the data directory, in one place:
 *
 *     <data_dir>/
 *     ├── pinyon.db                    snapshots, packages, generations (SQLite; see snapshot/)
 *     ├── inventory.v1/                what the database says, in text: enough to make it anew (see snapshot/inventory/)
 *     ├── admin.sock                   the local command line's way in
 *     ├── run/                         which processes live, and what they are at (see system/claims.ts)
 *     ├── quarantine/                  blobs that were found wrong, for people to look at (see app/verifier.ts)
 *     └── blobs.v1/                    v1 is the format: another one gets another name
 *         ├── temporary/<process>-blob7  being written; swept when its process is gone
 *         └── sha256/4f/53cda1…        a blob: algorithm / first two hex digits / the rest
 *
 * Example: `sha256:4f53cda1…` is `blobs.v1/sha256/4f/53cda1…`. A file below an algorithm is complete and its bytes have that
 * digest; it got there by rename.
 */
export interface Layout {
  readonly database: string
  readonly inventory: string
  readonly adminSocket: string
  readonly claims: string
  readonly blobs: string
  readonly temporary: string
  readonly quarantine: string
}

/** The layout below a data directory. */
export function createLayout(dataDir: string): Layout {
  const blobs = join(dataDir, 'blobs.v1')
  return {
    database: join(dataDir, 'pinyon.db'),
    inventory: join(dataDir, 'inventory.v1'),
    adminSocket: join(dataDir, 'admin.sock'),
    claims: join(dataDir, 'run'),
    blobs,
    temporary: join(blobs, 'temporary'),
    quarantine: join(dataDir, 'quarantine'),
  }
}

/** Where a blob is. */
export function blobPath(layout: Layout, digest: Digest): string {
  const hex = digestHex(digest)
  return join(layout.blobs, digestAlgorithm(digest), hex.slice(0, 2), hex.slice(2))
}

/** Where a blob that is wrong is put; one that was put there before is replaced. */
export function quarantinePath(layout: Layout, digest: Digest): string {
  return join(layout.quarantine, digest.replace(':', '-'))
}

/**
 * The path of a temporary file: it names the process that writes it, so that only a dead one's is swept. `label` is a lower-case
 * word for what it is; with `serial` it must be unique in the process.
 */
export function temporaryPath(layout: Layout, processId: string, label: string, serial: number): string {
  return join(layout.temporary, `${processId}-${label}${serial}`)
}

/** The process that writes a temporary file, by the file's name; undefined for a name that is not ours. */
export function temporaryOwner(name: string): string | undefined {
  return /^([0-9a-f]{16})-[a-z]+\d+(-journal|-wal|-shm)?$/.exec(name)?.[1]
}

import { mkdirSync } from 'node:fs'

import { DiskBlobStore } from '../cache/disk-blob-store.ts'
import { createLayout, temporaryPath } from '../cache/layout.ts'
import { ingestArches, type ArchesJob } from './arches/ingest-arches.ts'
import type { Growth } from './capture-record.ts'
import { countChanges } from './farm/count-changes.ts'
import { ingestAhead, type AheadJob } from './ingest-ahead.ts'
import { threadScratchFile, type ThreadPlace } from './ingest-runner.ts'
import { ingest, type IngestJob } from './ingest.ts'
import { SqliteSnapshotStore } from './sqlite-snapshot-store.ts'
import type { PublishedSnapshot } from './store.ts'

/** Temporary files of a thread, and of the server's own store: more than any process ever makes. */
const SERIALS = 2 ** 32

/** What a thread is to ingest. */
export type ThreadJob = IngestJob | ArchesJob

/** A thread that ingests. */
export interface IngestThread {
  readonly place: ThreadPlace
  /** Of all threads of its process the only one with this number; the server itself is 0. */
  readonly id: number
  /** The next thing that it is told: its job, or first a primary to read while that is fetched, and how it grows. */
  readonly next: <T extends ThreadJob | AheadJob | Growth>() => Promise<T>
  readonly onPackages: (count: number) => void
}

/** Publishes what a thread is told, through a connection to the database of its own, which is opened before there is a job. */
export async function runIngest({ place, id, next, onPackages }: IngestThread): Promise<PublishedSnapshot> {
  const layout = createLayout(place.dataDir)
  const scratch = threadScratchFile(place, id)
  // Somebody may have removed it since the server started.
  mkdirSync(layout.temporary, { recursive: true })
  const store = new SqliteSnapshotStore(layout.database, () => scratch)
  try {
    const first = await next<ThreadJob | AheadJob>()
    const processes = { processId: place.processId, isAlive: () => true }
    // What it stores, of the few repositories that it rewrites, is accounted for as by the server, and is in nobody else's way.
    const blobs = new DiskBlobStore(layout, processes, { ledger: store.ledger, firstSerial: id * SERIALS })
    const spoolFile = () => temporaryPath(layout, place.processId, 'rewritten', id)
    const context = { blobs, store, spoolFile, onPackages }
    const run = (job: ThreadJob) => ('parts' in job ? ingestArches(job, context) : ingest(job, context))
    const published =
      'location' in first
        ? await ingestAhead(first, next<Growth | ThreadJob>, context, run)
        : await run(first)
    await countChanges(store, published.snapshot)
    // Here, and not where requests are answered. Nothing depends on it, and it is counted again now and then.
    await store.stock.recountAtOnce(published.snapshot.mirror).catch(() => undefined)
    return published
  } finally {
    await store.close()
  }
}

import { on } from 'node:events'
import { mkdirSync } from 'node:fs'
import { parentPort, threadId } from 'node:worker_threads'

import { DiskBlobStore } from '../cache/disk-blob-store.ts'
import { createLayout, temporaryPath } from '../cache/layout.ts'
import { toPinyonError } from '../model/errors.ts'
import { giveWay } from '../system/give-way.ts'
import { countChanges } from './farm/count-changes.ts'
import { ingestArches, type ArchesJob } from './arches/ingest-arches.ts'
import { ingest, type IngestJob } from './ingest.ts'
import type { Growth } from './capture-record.ts'
import { ingestAhead, type AheadJob } from './ingest-ahead.ts'
import { threadScratchFile, type ThreadPlace } from './ingest-runner.ts'
import { SqliteSnapshotStore } from './sqlite-snapshot-store.ts'
import type { PublishedSnapshot } from './store.ts'
import type { WorkerMessage } from './worker-job.ts'
import { loadDatabaseLibrary } from './worker-thread.ts'

// A thread that reads one primary and commits one snapshot, so that neither holds up a request. See ingest-runner.ts.

/** Temporary files of a thread, and of the server's own store: more than any process ever makes. */
const SERIALS = 2 ** 32

type Job = IngestJob | ArchesJob

const post = (message: WorkerMessage<PublishedSnapshot, number>) => parentPort?.postMessage(message)

giveWay()
loadDatabaseLibrary()
// It may have been started before it is known where it will work, and while the files of its job are fetched.
const told = parentPort === null ? undefined : on(parentPort, 'message')
try {
  const place = await next<ThreadPlace>()
  const layout = createLayout(place.dataDir)
  const scratch = threadScratchFile(place, threadId)
  // Somebody may have removed it since the server started.
  mkdirSync(layout.temporary, { recursive: true })
  const store = new SqliteSnapshotStore(layout.database, () => scratch)
  try {
    const first = await next<Job | AheadJob>()
    const processes = { processId: place.processId, isAlive: () => true }
    // What it stores, of the few repositories that it rewrites, is accounted for as by the server, and is in nobody else's way.
    const blobs = new DiskBlobStore(layout, processes, {
      ledger: store.ledger,
      firstSerial: threadId * SERIALS,
    })
    const spoolFile = () => temporaryPath(layout, place.processId, 'rewritten', threadId)
    const context = {
      blobs,
      store,
      spoolFile,
      onPackages: (packages: number) => post({ progress: packages }),
    }
    const run = (job: Job) => ('parts' in job ? ingestArches(job, context) : ingest(job, context))
    const published =
      'location' in first ? await ingestAhead(first, next<Growth | Job>, context, run) : await run(first)
    await countChanges(store, published.snapshot)
    // Here, and not where requests are answered. Nothing depends on it, and it is counted again now and then.
    await store.stock.recountAtOnce(published.snapshot.mirror).catch(() => undefined)
    post({ result: published })
  } finally {
    await store.close()
  }
} catch (error) {
  const { code, message, facts } = toPinyonError(error)
  post({ failure: { code, message, facts: JSON.parse(JSON.stringify(facts)) as Record<string, unknown> } })
} finally {
  // While it listens it does not end.
  await told?.return?.()
}

/** The next thing that it is told. */
async function next<T>(): Promise<T> {
  if (told === undefined) throw new Error('this is no thread')
  const { value } = (await told.next()) as { value: [T] }
  return value[0]
}

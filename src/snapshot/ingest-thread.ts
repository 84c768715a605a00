import { parentPort, threadId, workerData } from 'node:worker_threads'

import { DiskBlobStore } from '../cache/disk-blob-store.ts'
import { createLayout } from '../cache/layout.ts'
import { toPinyonError } from '../model/errors.ts'
import { ingest } from './ingest.ts'
import { threadScratchFile, type ThreadRequest } from './ingest-runner.ts'
import { SqliteSnapshotStore } from './sqlite-snapshot-store.ts'
import type { PublishedSnapshot } from './store.ts'
import type { WorkerMessage } from './worker-job.ts'

// A thread that reads one primary and commits one snapshot, so that neither holds up a request. See ingest-runner.ts.

/** Between two words about progress: each wakes the serving thread, and holds up this one. */
const PACKAGES_BETWEEN = 1_000

const request = workerData as ThreadRequest
const layout = createLayout(request.dataDir)
const post = (message: WorkerMessage<PublishedSnapshot, number>) => parentPort?.postMessage(message)

try {
  const scratch = threadScratchFile(request, threadId)
  const store = new SqliteSnapshotStore(layout.database, () => scratch)
  try {
    const blobs = new DiskBlobStore(layout, { processId: request.processId, isAlive: () => true })
    let told = 0
    const onPackages = (packages: number) => {
      if (packages < told + PACKAGES_BETWEEN) return
      told = packages
      post({ progress: packages })
    }
    const published = await ingest(request.job, { blobs, store, onPackages })
    post({ result: published })
  } finally {
    await store.close()
  }
} catch (error) {
  const { code, message, facts } = toPinyonError(error)
  post({ failure: { code, message, facts: JSON.parse(JSON.stringify(facts)) as Record<string, unknown> } })
}

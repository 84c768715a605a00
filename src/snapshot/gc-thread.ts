import { parentPort, threadId, workerData } from 'node:worker_threads'

import { DiskInventory } from '../cache/disk-inventory.ts'
import { createLayout } from '../cache/layout.ts'
import type { Digest } from '../model/digest.ts'
import { toPinyonError } from '../model/errors.ts'
import { openDatabase } from './database.ts'
import type { GcReport } from './gc-report.ts'
import type { GcThreadRequest } from './gc-runner.ts'
import { collectGarbage } from './gc.ts'
import { prepareGc } from './sql-gc.ts'
import type { WorkerMessage } from './worker-job.ts'

/** Temporary files that a thread may make before its numbers meet another's. */
const FILES_OF_A_THREAD = 1_000_000_000

// A thread that makes one collection, so that it does not hold up a request. See gc-runner.ts.

const { dataDir, processId, request } = workerData as GcThreadRequest
const layout = createLayout(dataDir)
const post = (message: WorkerMessage<GcReport, readonly Digest[]>) => parentPort?.postMessage(message)

try {
  const database = openDatabase(layout.database)
  try {
    const report = await collectGarbage({
      request,
      database,
      statements: prepareGc(database),
      // No two threads of a process have one number.
      inventory: new DiskInventory(layout, processId, threadId * FILES_OF_A_THREAD),
      onRemoved: (digests) => post({ progress: digests }),
    })
    post({ result: report })
  } finally {
    database.close()
  }
} catch (error) {
  const { code, message, facts } = toPinyonError(error)
  post({ failure: { code, message, facts: JSON.parse(JSON.stringify(facts)) as Record<string, unknown> } })
}

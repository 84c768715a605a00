import { parentPort } from 'node:worker_threads'

import { DiskInventory } from '../../cache/disk-inventory.ts'
import { createLayout } from '../../cache/layout.ts'
import { PinyonError, describeCorrupt, toPinyonError } from '../../model/errors.ts'
import { giveWay } from '../../system/give-way.ts'
import { openDatabase } from '../database.ts'
import type { WorkerMessage } from '../worker-job.ts'
import { loadDatabaseLibrary, threadData } from '../worker-thread.ts'
import type { VerifyProgress, VerifyWalk } from './verify-report.ts'
import { walkBlobs } from './verify-walk.ts'

// A thread that reads all blobs. See verify-runner.ts.

const { dataDir } = threadData() as { readonly dataDir: string }
const layout = createLayout(dataDir)
const post = (message: WorkerMessage<VerifyWalk, VerifyProgress>) => parentPort?.postMessage(message)

giveWay()
loadDatabaseLibrary()
try {
  const database = openDatabase(layout.database)
  try {
    // What the blobs are held against must itself be right.
    const found = database.pragma('quick_check(1)', { simple: true }) as string
    if (found !== 'ok') throw new PinyonError('STORE_CORRUPT', describeCorrupt(layout.database, found))
    const inventory = new DiskInventory(layout, '')
    const onProgress = (progress: VerifyProgress) => post({ progress })
    post({ result: walkBlobs({ layout, database, inventory, onProgress }) })
  } finally {
    database.close()
  }
} catch (error) {
  const { code, message } = toPinyonError(error)
  post({ failure: { code, message, facts: {} } })
}

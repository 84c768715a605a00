import { parentPort, workerData } from 'node:worker_threads'

import { createLayout } from '../../cache/layout.ts'
import { toPinyonError } from '../../model/errors.ts'
import { openDatabase } from '../database.ts'
import type { WorkerMessage } from '../worker-job.ts'
import type { InventoryRequest } from './inventory-runner.ts'
import { writeInventory, type InventoryUpdate } from './inventory-writer.ts'

// A thread that brings the inventory up to date. See inventory-runner.ts.

const { dataDir, parts, nowMs } = workerData as InventoryRequest
const layout = createLayout(dataDir)
const post = (message: WorkerMessage<InventoryUpdate, never>) => parentPort?.postMessage(message)

try {
  const database = openDatabase(layout.database)
  try {
    post({ result: await writeInventory({ database, directory: layout.inventory, nowMs }, parts) })
  } finally {
    database.close()
  }
} catch (error) {
  const { code, message } = toPinyonError(error)
  post({ failure: { code, message, facts: {} } })
}

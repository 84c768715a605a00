import { parentPort } from 'node:worker_threads'

import { createLayout } from '../../cache/layout.ts'
import { toPinyonError } from '../../model/errors.ts'
import { giveWay } from '../../system/give-way.ts'
import { openDatabase } from '../database.ts'
import type { WorkerMessage } from '../worker-job.ts'
import { loadDatabaseLibrary, threadData } from '../worker-thread.ts'
import { findSoleBytes, type SoleBytes, type SoleRequest } from './sole-bytes.ts'

// A thread that finds what views, or mirrors, hold alone. See sole-runner.ts.

const { dataDir, ...request } = threadData() as SoleRequest & { readonly dataDir: string }
const post = (message: WorkerMessage<SoleBytes, never>) => parentPort?.postMessage(message)

giveWay()
loadDatabaseLibrary()
try {
  const database = openDatabase(createLayout(dataDir).database)
  try {
    post({ result: findSoleBytes(database, request) })
  } finally {
    database.close()
  }
} catch (error) {
  const { code, message } = toPinyonError(error)
  post({ failure: { code, message, facts: {} } })
}

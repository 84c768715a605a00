import { createLayout } from '../../cache/layout.ts'
import { openDatabase } from '../database.ts'
import { answerJob } from '../process-job.ts'
import type { InventoryRequest } from './inventory-runner.ts'
import { writeInventory, type InventoryUpdate } from './inventory-writer.ts'

// A process that brings the inventory up to date. See inventory-runner.ts.

answerJob(update)

async function update({ dataDir, parts, nowMs }: InventoryRequest): Promise<InventoryUpdate> {
  const layout = createLayout(dataDir)
  const database = openDatabase(layout.database)
  try {
    return await writeInventory({ database, directory: layout.inventory, nowMs }, parts)
  } finally {
    database.close()
  }
}

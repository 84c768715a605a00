import { DiskInventory } from '../../cache/disk-inventory.ts'
import { createLayout } from '../../cache/layout.ts'
import { openDatabase } from '../database.ts'
import type { GcReport } from './gc-report.ts'
import type { GcProgress, GcTask } from './gc-runner.ts'
import { collectGarbage } from './gc.ts'
import { prepareGc } from './sql-gc.ts'
import { answerJob } from '../process-job.ts'

// A process that makes one collection. See gc-runner.ts.

/** Temporary files that a process may make before its numbers meet another's. */
const FILES_OF_A_PROCESS = 1_000_000

/** Of the database, read through a mapping. */
const MAPPED_BYTES = 4 * 2 ** 30

answerJob(collect)

async function collect(
  { dataDir, processId, request }: GcTask,
  tell: (progress: GcProgress) => void,
): Promise<GcReport> {
  const layout = createLayout(dataDir)
  const database = openDatabase(layout.database)
  try {
    // Going through a whole farm is mostly reading. Should the disk fail under the mapping, this process dies alone.
    database.pragma(`mmap_size = ${MAPPED_BYTES}`)
    const report = await collectGarbage({
      request,
      database,
      statements: prepareGc(database),
      inventory: new DiskInventory(layout, processId, process.pid * FILES_OF_A_PROCESS),
      onRemoved: (removed) => tell({ removed }),
      onDecided: (decided) => tell({ decided }),
    })
    // The serving process leaves this to others.
    database.pragma('wal_checkpoint(PASSIVE)')
    return report
  } finally {
    database.close()
  }
}

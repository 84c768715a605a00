import { DiskInventory } from '../../cache/disk-inventory.ts'
import { createLayout } from '../../cache/layout.ts'
import { toPinyonError } from '../../model/errors.ts'
import { openDatabase } from '../database.ts'
import type { GcReport } from './gc-report.ts'
import type { GcProgress, GcTask } from './gc-runner.ts'
import { collectGarbage } from './gc.ts'
import { prepareGc } from './sql-gc.ts'
import type { WorkerMessage } from '../worker-job.ts'

// A process that makes one collection. See gc-runner.ts.

/** Temporary files that a process may make before its numbers meet another's. */
const FILES_OF_A_PROCESS = 1_000_000

/** Of the database, read through a mapping. */
const MAPPED_BYTES = 4 * 2 ** 30

type Message = WorkerMessage<GcReport, GcProgress>

/** Resolves when it is written, and so all that was sent before. A server that is busy reads late, and what waits for it ends with the channel. */
const send = (message: Message) =>
  new Promise<void>((resolve) => {
    process.send?.(message, undefined, undefined, () => resolve())
  })

process.once('message', (task) => void collect(task as GcTask).finally(() => process.disconnect()))
// Whoever asked is gone: what was done stays done.
process.once('disconnect', () => process.exit())

async function collect({ dataDir, processId, request }: GcTask): Promise<void> {
  const layout = createLayout(dataDir)
  try {
    const database = openDatabase(layout.database)
    // Going through a whole farm is mostly reading. Should the disk fail under the mapping, this process dies alone.
    database.pragma(`mmap_size = ${MAPPED_BYTES}`)
    try {
      const report = await collectGarbage({
        request,
        database,
        statements: prepareGc(database),
        inventory: new DiskInventory(layout, processId, process.pid * FILES_OF_A_PROCESS),
        onRemoved: (removed) => void send({ progress: { removed } }),
        onDecided: (decided) => void send({ progress: { decided } }),
      })
      // The serving process leaves this to others.
      database.pragma('wal_checkpoint(PASSIVE)')
      await send({ result: report })
    } finally {
      database.close()
    }
  } catch (error) {
    const { code, message, facts } = toPinyonError(error)
    const plain = JSON.parse(JSON.stringify(facts)) as Record<string, unknown>
    await send({ failure: { code, message, facts: plain } })
  }
}

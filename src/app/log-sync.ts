import type { SyncResult } from '../snapshot/sync.ts'
import type { Logger } from '../system/logger.ts'

/** One line a sync: a warning when it failed, or brought other bytes under an old name and version. */
export function logSync(log: Logger, result: SyncResult, ms: number): void {
  const { mirror, outcome } = result
  if (result.outcome === 'failed')
    log.warn({ mirror, outcome, ms, code: result.error.code, reason: result.error.message }, 'sync')
  else if (result.outcome === 'unchanged')
    log.info({ mirror, outcome, ms, snapshot: result.snapshot.name }, 'sync')
  else {
    const { snapshot, generation, added, removed, replaced, bytes, extraFiles } = result
    const extras = extraFiles.length === 0 ? {} : { extraFiles: extraFiles.slice(0, 20) }
    const facts = {
      mirror,
      outcome,
      ms,
      snapshot: snapshot.name,
      generation,
      added,
      removed,
      bytes,
      ...extras,
    }
    if (replaced > 0) log.warn({ ...facts, replaced }, 'sync')
    else log.info(facts, 'sync')
  }
}

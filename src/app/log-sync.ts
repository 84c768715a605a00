import { NO_DEFECTS, type MirrorDefects, type ToldDefect } from '../snapshot/farm/mirror-defects.ts'
import type { SyncResult } from '../snapshot/sync.ts'
import type { Logger } from '../system/logger.ts'

/**
 * One line a sync: a warning when it failed, brought other bytes under an old name and version, or what was published is not all right.
 * @param defects of the snapshot that was published
 */
export function logSync(
  log: Logger,
  result: SyncResult,
  ms: number,
  defects: MirrorDefects = NO_DEFECTS,
): void {
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
    const doubts = {
      ...(replaced === 0 ? {} : { replaced }),
      ...(defects.count === 0 ? {} : { defects: defects.count, first: defects.first.map(describeDefect) }),
    }
    if (Object.keys(doubts).length === 0) log.info(facts, 'sync')
    else log.warn({ ...facts, ...doubts }, 'sync')
  }
}

function describeDefect({ path, kind, message }: ToldDefect): string {
  return `${kind} ${path}: ${message}`
}

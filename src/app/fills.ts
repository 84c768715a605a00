import { FillTable } from '../cache/fill-table.ts'
import type { Logger } from '../system/logger.ts'
import type { Traffic } from '../system/traffic.ts'
import type { Figures } from './figures.ts'
import { logFill } from './log-fill.ts'
import type { Storage } from './storage.ts'

/** Who is told of fills. */
export interface FillWatchers {
  readonly storage: Storage
  readonly traffic: Traffic
  readonly figures: Figures
  readonly log: Logger
}

/** The fills of a server, each counted and logged when it ends. */
export function createFills({ storage, traffic, figures, log }: FillWatchers): FillTable {
  return new FillTable({
    blobs: storage.blobs,
    claims: storage.claims,
    onEnd: (expected, error, report) => {
      if (error === undefined) traffic.recordFetched(expected.size ?? 0)
      figures.countFill(error, report)
      logFill(log, expected, error, report)
    },
  })
}

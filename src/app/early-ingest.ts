import { existsSync } from 'node:fs'

import { createLayout } from '../cache/layout.ts'
import type { Config } from '../config/config.ts'
import { ReadyThread } from '../snapshot/ready-thread.ts'

/**
 * Starts the first ingest's thread where there is no snapshot yet, so that it is ready when the first primary is there. For whoever calls this
 * before it loads an {@link App}, which takes as long.
 * @param mirrors those that are synced at once
 */
export function startEarly({ dataDir }: Config, mirrors: number): ReadyThread | undefined {
  if (mirrors === 0 || existsSync(createLayout(dataDir).database)) return undefined
  const early = new ReadyThread()
  early.start()
  return early
}

/** How many mirrors a server syncs when it starts. */
export function countScheduled({ mirrors }: Config): number {
  return [...mirrors.values()].filter(({ enabled, syncIntervalMs }) => enabled && syncIntervalMs !== 'off')
    .length
}

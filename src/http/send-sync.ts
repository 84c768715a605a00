import { adviseOnUpstream } from '../model/upstream-advice.ts'
import type { SyncResult } from '../snapshot/sync.ts'
import type { Exchange } from './exchange.ts'
import { streamLines } from './stream-lines.ts'
import type { WriteActions } from './write-actions.ts'

/** A line of the answer to `POST /api/v1/mirrors/<m>/sync`: progress while it runs, then one result. */
export type SyncLine =
  | {
      readonly progress: {
        step: string
        filesDone: number
        filesTotal: number
        bytes: number
        packages: number
      }
    }
  | { readonly result: SyncSummary }

/** How a sync ended, as the API tells it. */
export interface SyncSummary {
  readonly mirror: string
  readonly outcome: SyncResult['outcome']
  readonly snapshot?: string
  readonly packages?: number
  readonly added?: number
  readonly removed?: number
  /** Packages with other bytes under the same name and version. */
  readonly replaced?: number
  /** Files beside those of repomd.xml that are new or others, by path; absent where there are none. */
  readonly extra_files?: readonly string[]
  readonly error?: string
  /** What may help. */
  readonly advice?: string
}

/** Streams a sync's progress as lines of JSON, so that whoever waits sees that something happens. */
export async function sendSync(
  exchange: Exchange,
  mirror: string,
  actor: string,
  actions: Pick<WriteActions, 'sync' | 'board'>,
): Promise<SyncSummary> {
  return await streamLines<SyncSummary>(exchange, async (write) => {
    const stop = actions.board.listen(mirror, (progress) => {
      if (progress === undefined) return
      const { mirror: _, ...rest } = progress
      write({ progress: rest } satisfies SyncLine)
    })
    try {
      const result = summarizeSync(await actions.sync(mirror, actor))
      write({ result } satisfies SyncLine)
      return result
    } finally {
      stop()
    }
  })
}

/** A sync's result in the API's words. */
export function summarizeSync(result: SyncResult): SyncSummary {
  const { mirror, outcome } = result
  if (result.outcome === 'failed') {
    const advice = adviseOnUpstream(result.error)
    return { mirror, outcome, error: result.error.message, ...(advice === undefined ? {} : { advice }) }
  }
  const { name: snapshot, packageCount: packages } = result.snapshot
  if (result.outcome === 'unchanged') return { mirror, outcome, snapshot, packages }
  const { added, removed, replaced, extraFiles } = result
  const extras = extraFiles.length === 0 ? {} : { extra_files: extraFiles }
  return { mirror, outcome, snapshot, packages, added, removed, replaced, ...extras }
}

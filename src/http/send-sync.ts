import type { SyncResult } from '../snapshot/sync.ts'
import { outcomeHeaders, type Exchange } from './exchange.ts'
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
  readonly error?: string
}

/** Streams a sync's progress as lines of JSON, so that whoever waits sees that something happens. */
export async function sendSync(
  exchange: Exchange,
  mirror: string,
  actor: string,
  actions: Pick<WriteActions, 'sync' | 'board'>,
): Promise<SyncSummary> {
  const { response } = exchange
  const write = (line: SyncLine) => void response.write(`${JSON.stringify(line)}\n`)
  let begun = false
  const begin = () => {
    if (begun) return
    begun = true
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson', ...outcomeHeaders(exchange, 'hit') })
  }
  const stop = actions.board.listen(mirror, (progress) => {
    if (progress === undefined) return
    begin()
    const { mirror: _, ...rest } = progress
    write({ progress: rest })
  })
  const resume = waitPatiently(exchange)
  try {
    const result = summarizeSync(await actions.sync(mirror, actor))
    begin()
    write({ result })
    response.end()
    return result
  } finally {
    resume()
    stop()
  }
}

/** A sync's result in the API's words. */
export function summarizeSync(result: SyncResult): SyncSummary {
  const { mirror, outcome } = result
  if (result.outcome === 'failed') return { mirror, outcome, error: result.error.message }
  const { name: snapshot, packageCount: packages } = result.snapshot
  if (result.outcome === 'unchanged') return { mirror, outcome, snapshot, packages }
  const { added, removed, replaced } = result
  return { mirror, outcome, snapshot, packages, added, removed, replaced }
}

/** What waits for its turn says nothing for as long as that takes; the connection is not given up meanwhile. Give back ends that. */
export function waitPatiently({ request: { socket } }: Exchange): () => void {
  const { timeout = 0 } = socket
  socket.setTimeout(0)
  return () => void socket.setTimeout(timeout)
}

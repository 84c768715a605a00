import type { FetchTally } from '../snapshot/prefetch/fetch-run.ts'
import type { FetchRequest } from '../snapshot/prefetch/prefetcher.ts'
import type { Exchange } from './exchange.ts'
import { streamLines } from './stream-lines.ts'
import type { WriteActions } from './write-actions.ts'

/** A line of the answer to `POST /api/v1/mirrors/<m>/fetch`: progress while it runs, then one result. */
export type FetchLine =
  | { readonly progress: { readonly done: number; readonly total: number; readonly bytes: number } }
  | { readonly result: FetchSummary }

/** How a fetch ended, as the API tells it. */
export interface FetchSummary {
  readonly mirror: string
  /** Packages that were not cached. */
  readonly total: number
  readonly fetched: number
  readonly bytes: number
  /** Every source was asked and has it not. */
  readonly lost: number
  readonly failed: number
  /** Why, of the last one that failed. */
  readonly reason: string | null
  /** Why it ended before its end: `cache full`, `trouble`, `shutting down`. */
  readonly stopped: string | null
}

/** Between two lines, in milliseconds: there are tens of thousands of packages. */
const LINE_INTERVAL_MS = 100

/** Streams the progress of fetching packages. */
export async function sendFetch(
  exchange: Exchange,
  mirror: string,
  request: FetchRequest,
  actions: Pick<WriteActions, 'fetch'>,
): Promise<FetchSummary> {
  return await streamLines<FetchSummary>(exchange, async (write) => {
    let writtenAt = Number.NEGATIVE_INFINITY
    const tally = await actions.fetch(mirror, request, ({ done, total, bytes }) => {
      if (performance.now() - writtenAt < LINE_INTERVAL_MS) return
      writtenAt = performance.now()
      write({ progress: { done, total, bytes } } satisfies FetchLine)
    })
    const result = summarizeFetch(mirror, tally)
    write({ result } satisfies FetchLine)
    return result
  })
}

/** A fetch's result in the API's words. */
export function summarizeFetch(mirror: string, tally: FetchTally): FetchSummary {
  const { total, fetched, bytes, lost, failed, reason = null, stopped = null } = tally
  return { mirror, total, fetched, bytes, lost, failed, reason, stopped }
}

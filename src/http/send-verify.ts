import type { VerifyProgress, VerifyReport } from '../snapshot/verify/verify-report.ts'
import { outcomeHeaders, type Exchange } from './exchange.ts'
import { waitPatiently } from './send-sync.ts'
import type { WriteActions } from './write-actions.ts'

/** A line of the answer to `POST /api/v1/verify`: progress while it runs, then one result. */
export type VerifyLine = { readonly progress: VerifyProgress } | { readonly result: VerifyReport }

/** Streams how far a verification is as lines of JSON, then its report. */
export async function sendVerify(
  exchange: Exchange,
  dryRun: boolean,
  { verify }: Pick<WriteActions, 'verify'>,
): Promise<VerifyReport> {
  const { response } = exchange
  let begun = false
  const write = (line: VerifyLine) => {
    if (!begun)
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson', ...outcomeHeaders(exchange, 'hit') })
    begun = true
    response.write(`${JSON.stringify(line)}\n`)
  }
  const resume = waitPatiently(exchange)
  try {
    const result = await verify({ dryRun, onProgress: (progress) => write({ progress }) })
    write({ result })
    response.end()
    return result
  } finally {
    resume()
  }
}

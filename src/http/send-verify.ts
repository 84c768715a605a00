import type { VerifyProgress, VerifyReport } from '../snapshot/verify/verify-report.ts'
import type { Exchange } from './exchange.ts'
import { streamLines } from './stream-lines.ts'
import type { WriteActions } from './write-actions.ts'

/** A line of the answer to `POST /api/v1/verify`: progress while it runs, then one result. */
export type VerifyLine = { readonly progress: VerifyProgress } | { readonly result: VerifyReport }

/** Streams how far a verification is as lines of JSON, then its report. */
export async function sendVerify(
  exchange: Exchange,
  dryRun: boolean,
  { verify }: Pick<WriteActions, 'verify'>,
): Promise<VerifyReport> {
  return await streamLines<VerifyReport>(exchange, async (write) => {
    const onProgress = (progress: VerifyProgress) => write({ progress } satisfies VerifyLine)
    const result = await verify({ dryRun, onProgress })
    write({ result } satisfies VerifyLine)
    return result
  })
}

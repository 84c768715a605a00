import type { ExpectedBlob } from '../cache/blob-store.ts'
import type { FillReport } from '../cache/fill-story.ts'
import type { PinyonError } from '../model/errors.ts'
import type { SourceStep } from '../model/source-step.ts'
import type { Logger } from '../system/logger.ts'

/** Beyond this a fill was slow, in milliseconds: until its first byte, and in all. */
const SLOW_FIRST_BYTE_MS = 3_000
const SLOW_MS = 10_000

/** One line a fill. Of one that failed, was slow, or took more than one request it tells every request that was made. */
export function logFill(
  log: Logger,
  { digest, size }: ExpectedBlob,
  error: PinyonError | undefined,
  report: FillReport,
): void {
  const { subject, ms, firstByteMs, followers, steps, furtherSteps } = report
  const isSlow = ms > SLOW_MS || (firstByteMs ?? 0) > SLOW_FIRST_BYTE_MS
  const isStory = error !== undefined || isSlow || steps.length > 1
  const facts = {
    ...subject,
    digest,
    size,
    ms,
    first_ms: firstByteMs,
    joined: followers,
    ...(isSlow ? { slow: true } : {}),
    ...(isStory ? { tries: steps.map(describeStep) } : { source: steps[0]?.source }),
    ...(furtherSteps > 0 ? { further_tries: furtherSteps } : {}),
  }
  if (error === undefined) log.info(facts, 'filled')
  else log.warn({ ...facts, code: error.code, reason: error.message }, 'fill failed')
}

/** A request of a source in a line: what it gave, from where on, how long that took, and what was wrong. */
function describeStep({ source, from, status, answeredMs, bytes, ms, why }: SourceStep): object {
  return {
    source,
    ...(from > 0 ? { from } : {}),
    status,
    answered_ms: answeredMs,
    bytes,
    ms,
    why,
  }
}

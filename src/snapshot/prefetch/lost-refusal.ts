import { PinyonError } from '../../model/errors.ts'
import { lostRetryMs } from '../../model/prefetch.ts'
import type { ListedFile, LostFacts } from '../departed/departed.ts'
import { formatLost } from './lost-message.ts'

/**
 * What a request of a package that is lost is refused with; undefined when it is time to ask all sources again.
 * @param lost when they were asked last
 */
export function lostRefusal(listed: ListedFile, lost: LostFacts, nowMs: number): PinyonError | undefined {
  return isTooEarly(lost, nowMs) ? new PinyonError('PACKAGE_LOST', formatLost(listed, lost)) : undefined
}

/** Whether all sources were asked so lately that they are not asked again. */
function isTooEarly({ askedAt, times }: LostFacts, nowMs: number): boolean {
  // A time in the future is of a clock that was set back.
  return askedAt <= nowMs && nowMs < askedAt + lostRetryMs(times)
}

import { formatInstant } from '../../model/instant.ts'
import { lostRetryMs } from '../../model/prefetch.ts'
import type { ListedFile, LostFacts } from '../departed/departed.ts'

/** What is known of a lost package, for whoever asks for it: why it cannot be had, who was asked, and when that will be tried again. */
export function formatLost({ href, mirror, departure }: ListedFile, lost: LostFacts): string {
  const { leftAt, lastSnapshot, isReplaced = false } = departure ?? {}
  const left = leftAt === undefined ? '' : ` at ${formatInstant(leftAt)}`
  const last = lastSnapshot === undefined ? '' : `, after snapshot ${lastSnapshot}`
  const how = isReplaced
    ? `${mirror} had other bytes under this name${left}${last}, and the older ones were not cached by then`
    : `it left ${mirror}${left}${last}, and was not cached by then`
  const again = formatInstant(lost.askedAt + lostRetryMs(lost.times))
  return `lost: ${how}; at ${formatInstant(lost.askedAt)}: ${lost.answers}; asked again from ${again} on: ${href}`
}

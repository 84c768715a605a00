import { PinyonError } from '../model/errors.ts'
import type { Source } from './source-list.ts'
import { deliver } from './watch-body.ts'

/** Answers that say of a server that it is in trouble, and of a file nothing. */
const OVERLOADED = new Set([429, 500, 502, 503, 504])

/** Notes why a source did not give what it was asked for, in what is known of it. @param askedAt when it was asked */
export function note(source: Source, error: PinyonError, href: string, askedAt: number): void {
  const { health, pace } = source
  const status = error.code === 'UPSTREAM_STATUS' ? (error.facts['status'] as number | undefined) : undefined
  const isTrouble = error.kind.retryable && (status === undefined || OVERLOADED.has(status))
  if (error.kind.source !== 'upstream' || error.facts['isOurs'] === true) return
  if (isTrouble) {
    pace.failed()
    return health.refused(error, href, askedAt)
  }
  health.answered()
  deliver(source, 0, 0)
}

/** Notes that a source sends too slowly. */
export function noteSlow({ health, pace }: Source, message: string): void {
  pace.failed()
  health.failed(new PinyonError('UPSTREAM_TIMEOUT', message))
}

/** Notes that a source was still silent when a rival that it had got for that had answered. */
export function noteOvertaken(source: Source): void {
  // One of a list that nothing is known of yet gets its rival early: that says little.
  if (source.from !== undefined && source.pace.costMs === undefined) return
  noteSlow(source, `${source.baseurl} has not answered for long, while another source has`)
}

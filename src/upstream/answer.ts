import { PinyonError } from '../model/errors.ts'
import type { Source } from './source-list.ts'
import type { SourceReply } from './source-request.ts'
import type { UpstreamRequest } from './upstream.ts'

/** What a source gave, with the source. */
export type Answer = SourceReply & { readonly source: Source }

/**
 * Refuses an answer that cannot be the listed file, before a byte of it is given on: a page instead of it, or, where there are others to
 * ask, a body of another length. A lone source may have announced a length wrongly, and have the rest.
 */
export function refuseOther(
  answer: Answer,
  href: string,
  { size }: UpstreamRequest,
  hasOthers: boolean,
): void {
  const { length, isPage, source, status } = answer
  if (size === undefined || status === 304 || length === size) return
  const isOther = hasOthers && (isPage || length !== undefined)
  if (!isOther && !(isPage && length !== undefined)) return
  discard(answer)
  const what = length === undefined ? 'of unknown length' : `of ${length} bytes`
  const error = isPage
    ? new PinyonError(
        'UPSTREAM_PAGE',
        `${source.baseurl}${href} is a web page ${what}, not the file of: ${size} bytes`,
      )
    : new PinyonError(
        'UPSTREAM_OTHER',
        `${source.baseurl}${href} is listed with ${size} bytes, and was answered with one ${what}`,
      )
  source.health.judged(false, error.message)
  throw error
}

/** Gives up an answer that came too late; its signal is aborted already, which frees its connection. */
export function discard({ body }: Answer): void {
  Promise.resolve(body[Symbol.asyncIterator]().return?.()).catch(() => undefined)
}

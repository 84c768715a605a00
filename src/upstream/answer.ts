import { PinyonError, type ErrorCode } from '../model/errors.ts'
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
  if (isPage) throw refused(answer, 'UPSTREAM_PAGE', describePage(answer, href, size))
  const what = `is listed with ${size} bytes, and was answered with one ${lengthOf(answer)}`
  throw refused(answer, 'UPSTREAM_OTHER', `${source.baseurl}${href} ${what}`)
}

/** How a web page begins. What else is `<?xml` may be a repository's own. */
const PAGE =
  /^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<(?:!--|(?:!doctype html|html|head|body|script|meta|title)\b)/i
const PAGE_BEGINS_WITHIN = 512

/**
 * Refuses what is said to be a web page, does not say how long it is, and begins like one. Scripts that hand out files call them pages as
 * well: only the first bytes tell, and those are waited for of nothing else.
 */
export async function refusePage(answer: Answer, href: string, { size }: UpstreamRequest): Promise<Answer> {
  if (!answer.isPage || answer.length !== undefined || size === undefined || answer.status === 304)
    return answer
  const iterator = answer.body[Symbol.asyncIterator]()
  const first = await iterator.next()
  if (first.done === true) return { ...answer, body: startingWith([], iterator) }
  // Latin-1: one character a byte.
  const beginning = Buffer.from(first.value.subarray(0, PAGE_BEGINS_WITHIN)).toString('latin1')
  if (!PAGE.test(beginning)) return { ...answer, body: startingWith([first.value], iterator) }
  Promise.resolve(iterator.return?.()).catch(() => undefined)
  throw refused(answer, 'UPSTREAM_PAGE', describePage(answer, href, size))
}

/** A body of which the first pieces were read already. */
async function* startingWith(
  pieces: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncIterable<Uint8Array> {
  try {
    yield* pieces
    for (let step = await rest.next(); step.done !== true; step = await rest.next()) yield step.value
  } finally {
    await rest.return?.()
  }
}

function describePage(answer: Answer, href: string, size: number): string {
  return `${answer.source.baseurl}${href} is a web page ${lengthOf(answer)}, not the file of: ${size} bytes`
}

function lengthOf({ length }: Answer): string {
  return length === undefined ? 'of unknown length' : `of ${length} bytes`
}

/** The error of an answer that is refused; its source's health hears of it. */
function refused({ source }: Answer, code: ErrorCode, message: string): PinyonError {
  source.health.judged(false, message)
  return new PinyonError(code, message)
}

/** Gives up an answer that came too late; its signal is aborted already, which frees its connection. */
export function discard({ body }: Answer): void {
  Promise.resolve(body[Symbol.asyncIterator]().return?.()).catch(() => undefined)
}

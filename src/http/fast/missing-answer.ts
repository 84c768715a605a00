import type { PinyonError } from '../../model/errors.ts'
import { cacheHeaders } from '../exchange.ts'
import { errorHeaders } from '../send-text.ts'
import type { FastAnswer } from './fast-answer.ts'
import { toLines } from './prepared-answers.ts'
import type { SimpleRequest } from './request-head.ts'

/** The answer to who asks for what is not there: as `sendError` has it. Made anew each time, for there is always something else that is not there. */
export function missingAnswer({ method, target }: SimpleRequest, error: PinyonError): FastAnswer {
  const body = Buffer.from(`${error.message}\n`)
  const headers = { ...errorHeaders(error, 'text', body.length), ...cacheHeaders('not_found', undefined) }
  const prepared = {
    target,
    size: body.length,
    method,
    status: 404,
    outcome: 'not_found',
    start: 'HTTP/1.1 404 Not Found\r\n',
    rest: toLines(headers),
    logBefore: '',
    logAfter: '',
    second: Number.NaN,
    bytes: body,
    sum: undefined,
  } as const
  return { prepared, body: undefined, bytes: method === 'HEAD' ? undefined : body, plan: undefined, error }
}

import { errors } from 'undici'

import { PinyonError } from '../model/errors.ts'

/**
 * Names what went wrong on the wire. A PinyonError stays what it is.
 *
 * @param url what was asked for, without secrets
 * @param body its bytes so far, once one has begun, and how many were announced; NaN when that is not known
 */
export function toUpstreamError(
  error: unknown,
  url: string,
  body?: { readonly received: number; readonly announced: number },
): PinyonError {
  if (error instanceof PinyonError) return error
  const facts = { cause: error }
  if (
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError ||
    error instanceof errors.ConnectTimeoutError
  )
    return new PinyonError('UPSTREAM_TIMEOUT', `${url} did not answer in time: ${error.message}`, facts)
  const reason = describe(error)
  if (body !== undefined)
    return new PinyonError('UPSTREAM_SHORT', `${url} broke off after ${body.received} bytes: ${reason}`, {
      ...facts,
      announced: body.announced,
    })
  return new PinyonError('UPSTREAM_UNREACHABLE', `${url} could not be reached: ${reason}`, facts)
}

/** The system's codes say more than its messages, undici's messages more than its codes. */
function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code === undefined || /^(?:UND_|HPE_)/.test(code) ? message : code
}

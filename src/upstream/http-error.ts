import { PinyonError } from '../model/errors.ts'
import { describeTlsError } from './tls-error.ts'

/** What keeps a connection from being made that no server has to do with: no file descriptor, port, buffer or memory is left. */
const OWN_TROUBLE = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM'])

/**
 * What goes wrong with a server that is there, once it is connected: it resets the connection, says nothing, or what it says is no answer. That may
 * be about the one file.
 */
const REACHED = /^(?:ECONNRESET|EPIPE|UND_ERR_(?!CONNECT_|ABORTED|PRX_)|HPE_|ERR_HTTP2_|ERR_ASSERTION)/

/** undici's codes for what did not come in time. */
const LATE = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT'])

/**
 * Names what went wrong on the wire. A PinyonError stays what it is.
 *
 * @param url what was asked for, without secrets
 * @param body its bytes so far, once one has begun, and how many were announced; NaN when that is not known
 * @param showsCertificate whether a client certificate was there to be shown
 * @param wasRedirected whether the server that is at fault is not the one that was to be asked
 */
export function toUpstreamError(
  error: unknown,
  url: string,
  body?: { readonly received: number; readonly announced: number },
  showsCertificate = false,
  wasRedirected = false,
): PinyonError {
  if (error instanceof PinyonError && error.code === 'UPSTREAM_REFUSED')
    return new PinyonError(error.code, `${url} leads where it may not: ${error.message}`, { cause: error })
  if (error instanceof PinyonError) return error
  const { code = '' } = error as NodeJS.ErrnoException
  const facts = { cause: error, ...(wasRedirected || REACHED.test(code) ? { wasReached: true } : {}) }
  if (body === undefined && OWN_TROUBLE.has(code))
    return new PinyonError(
      'UPSTREAM_UNREACHABLE',
      `${url} could not be asked, for want of this machine's: ${code}`,
      {
        ...facts,
        isOurs: true,
      },
    )
  if (LATE.has(code))
    return new PinyonError(
      'UPSTREAM_TIMEOUT',
      `${url} did not answer in time: ${(error as Error).message}`,
      facts,
    )
  const explained = describeTlsError(error, showsCertificate) ?? describeProxyError(error)
  const reason = explained ?? describe(error)
  if (body !== undefined)
    return new PinyonError('UPSTREAM_SHORT', `${url} broke off after ${body.received} bytes: ${reason}`, {
      ...facts,
      announced: body.announced,
    })
  return new PinyonError('UPSTREAM_UNREACHABLE', `${url} could not be reached: ${reason}`, {
    ...facts,
    ...(explained === undefined ? {} : { isExplained: true }),
  })
}

/** undici's words for what an HTTP proxy answers instead of connecting, with what helps; ours of a SOCKS proxy say that already. */
function describeProxyError(error: unknown): string | undefined {
  const { message } = error as Error
  if (/^(?:a|the) SOCKS proxy /.test(message)) return message
  if (/^Proxy (?:response \(407\)|Authentication Required)/.test(message))
    return 'the proxy wants other credentials, set proxy_username and proxy_password: Proxy Authentication Required (407)'
  const status = /^Proxy response \((\d+)\)/.exec(message)?.[1]
  return status === undefined ? undefined : `the proxy does not connect to it, and answers: ${status}`
}

/**
 * The system's codes say more than its messages, undici's messages more than its codes. What it asserts of an answer, such as a status that is
 * not below 100, it says in words of its own code.
 */
function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ERR_ASSERTION') return 'its answer is none of HTTP'
  return code === undefined || /^(?:UND_|HPE_)/.test(code) ? message : code
}

import type { Asset } from '../dashboard/assets.ts'
import type { Dashboard } from '../dashboard/dashboard.ts'
import { evaluateConditions } from './conditions.ts'
import { IMMUTABLE, outcomeHeaders, type Exchange } from './exchange.ts'
import type { Headers } from './outlet.ts'

/** Nothing from elsewhere, nothing within the page but what we serve: names from upstream can do nothing even where they got in. */
const POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const GUARDS: Headers = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/** Sends a page of the dashboard. */
export async function sendPage(
  exchange: Exchange,
  dashboard: Dashboard,
  request: Parameters<Dashboard['answer']>[0],
  client: string,
): Promise<void> {
  const reply = await dashboard.answer(request, client)
  const poll = reply.pollSeconds === undefined ? {} : { 'X-Pinyon-Poll': String(reply.pollSeconds) }
  const cacheControl = reply.isPrivate || reply.status !== 200 ? 'no-store' : 'private, no-cache'
  send(exchange, reply.status, reply, {
    ...GUARDS,
    ...poll,
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': cacheControl,
    Vary: 'Accept-Encoding, Cookie',
  })
}

/** Sends a file that pages refer to; its address is that of its content. */
export function sendAsset(exchange: Exchange, asset: Asset): void {
  send(exchange, 200, asset, {
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Content-Type': asset.contentType,
    'Cache-Control': IMMUTABLE,
    Vary: 'Accept-Encoding',
  })
}

interface Encodable {
  readonly body: Buffer
  readonly gzip: Buffer
  readonly etag: string
}

function send(exchange: Exchange, status: number, content: Encodable, headers: Headers): void {
  const { request, response } = exchange
  const { bytes, coding } = encode(content, request.headers['accept-encoding'])
  // Another coding is another representation (RFC 9110 §8.8.3).
  const etag = coding === undefined ? content.etag : content.etag.replace(/"$/, `-${coding}"`)
  const common = { ...headers, ETag: etag }
  // An error is sent as it is: who has an old page must see that it is one.
  if (
    status === 200 &&
    evaluateConditions(request.headers, { etag, lastModifiedMs: undefined }) === 'not_modified'
  ) {
    response.writeHead(304, { ...common, ...outcomeHeaders(exchange, 'not_modified') })
    response.end()
    return
  }
  const outcome =
    status === 404 ? 'not_found' : status === 200 ? 'hit' : status < 500 ? 'bad_request' : 'error_internal'
  response.writeHead(status, {
    ...common,
    ...(coding === undefined ? {} : { 'Content-Encoding': coding }),
    'Content-Length': String(bytes.length),
    ...outcomeHeaders(exchange, outcome),
  })
  if (request.method !== 'HEAD') exchange.finalBytes = bytes.length
  response.end(request.method === 'HEAD' ? undefined : bytes)
}

/** Compressed for whoever says that it takes that; a weight of 0 is a refusal, all others are one. */
function encode(
  { body, gzip }: Encodable,
  accepted: string | string[] | undefined,
): { readonly bytes: Buffer; readonly coding?: string } {
  const takes = /(?:^|[ ,])gzip(?! *; *q=0(?:\.0+)? *(?:,|$))(?=[ ,;]|$)/.test(String(accepted ?? ''))
  return takes ? { bytes: gzip, coding: 'gzip' } : { bytes: body }
}

/** The theme that a page was switched to, by the one cookie there is. */
export function readTheme(cookie: string | undefined): 'light' | 'dark' | undefined {
  const found = /(?:^|; *)theme=(light|dark)(?:;|$)/.exec(cookie ?? '')?.[1]
  return found === 'light' || found === 'dark' ? found : undefined
}

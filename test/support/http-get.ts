import { request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { connect } from 'node:net'

export interface HttpReply {
  readonly status: number
  /** By lower-case name, as node:http merges them. */
  readonly headers: IncomingHttpHeaders
  /** `[name, value]` in the order and the letter case they came in. */
  readonly rawHeaders: readonly (readonly [string, string])[]
  readonly body: Buffer
  /** False when the connection ended before the announced length, or before the last chunk. */
  readonly complete: boolean
}

export interface HttpGetOptions {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Buffer
  readonly signal?: AbortSignal
}

/**
 * One request on a connection of its own. What follows the origin in `url` is sent as it stands: no dot segment is removed and
 * nothing is escaped. A body that is cut short is an answer with `complete: false`; no answer at all rejects.
 */
export function httpGet(url: string, options: HttpGetOptions = {}): Promise<HttpReply> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpReply>()
  const { hostname, port, target } = splitUrl(url)
  const sent = request({
    hostname,
    port,
    path: target,
    method: options.method ?? 'GET',
    headers: options.headers ?? {},
    agent: false,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  sent.on('error', reject)
  sent.on('response', (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    // The end of a cut body is an 'aborted' error followed by 'close'; `complete` tells the two ends apart.
    response.on('error', () => {})
    response.on('close', () =>
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        rawHeaders: pairs(response.rawHeaders),
        body: Buffer.concat(chunks),
        complete: response.complete,
      }),
    )
  })
  sent.end(options.body)
  return promise
}

/**
 * Writes these bytes to 127.0.0.1:port and gives all that comes back until the server closes; ask for `Connection: close`.
 * A reset after some bytes is an end like any other.
 */
export function rawRequest(port: number, text: string | Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  const socket = connect(port, '127.0.0.1', () => socket.write(text))
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', (error) => (chunks.length > 0 ? resolve(Buffer.concat(chunks)) : reject(error)))
  socket.on('close', () => resolve(Buffer.concat(chunks)))
  return promise
}

/** The parts of one raw HTTP/1.1 answer whose body is delimited by Content-Length or by the connection's end. */
export function parseRawReply(bytes: Buffer): Omit<HttpReply, 'headers'> {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0)
    throw new Error(`answer without a complete head: ${JSON.stringify(bytes.toString('latin1'))}`)
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const rawHeaders = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  const body = bytes.subarray(headEnd + 4)
  const length = rawHeaders.find(([name]) => name.toLowerCase() === 'content-length')?.[1]
  const complete = length === undefined || body.length === Number(length)
  return { status: Number(statusLine.split(' ')[1]), rawHeaders, body, complete }
}

function splitUrl(url: string): { hostname: string; port: string; target: string } {
  const match = /^http:\/\/([^/:]+|\[[^\]]+\])(?::(\d+))?(.*)$/s.exec(url)
  if (match === null) throw new Error(`cannot ask for what is no http URL: ${url}`)
  const [, hostname = '', port = '80', target = ''] = match
  return { hostname: hostname.replace(/^\[|\]$/g, ''), port, target: target === '' ? '/' : target }
}

function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [
    flat[index * 2] ?? '',
    flat[index * 2 + 1] ?? '',
  ])
}

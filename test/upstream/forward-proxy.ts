import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** An HTTP proxy that forwards plain http requests. */
export interface ForwardProxy {
  /** `127.0.0.1:<port>` */
  readonly host: string
  /** What it was asked for: absolute URLs. */
  readonly requests: readonly { readonly url: string; readonly authorization: string | undefined }[]
  /** Most connections that were open at a time. */
  readonly mostConnections: () => number
}

/** Starts one; with `authorization` it demands that value of Proxy-Authorization. */
export async function startForwardProxy(t: TestContext, authorization?: string): Promise<ForwardProxy> {
  const requests: { url: string; authorization: string | undefined }[] = []
  let [open, most] = [0, 0]
  const server = createServer((incoming, response) => {
    const given = incoming.headers['proxy-authorization']
    requests.push({ url: incoming.url ?? '', authorization: given })
    if (authorization === undefined || given === authorization) forward(incoming, response)
    else response.writeHead(407, { 'Proxy-Authenticate': 'Basic realm="x"' }).end('who are you\n')
  })
  server.on('connection', (socket) => {
    open += 1
    most = Math.max(most, open)
    socket.on('close', () => (open -= 1))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return { host: `127.0.0.1:${port}`, requests, mostConnections: () => most }
}

function forward(incoming: IncomingMessage, response: ServerResponse): void {
  const { 'proxy-authorization': _, ...headers } = incoming.headers
  const sent = request(incoming.url ?? '', { method: incoming.method, headers, agent: false })
  sent.on('response', (reply) => {
    response.writeHead(reply.statusCode ?? 502, reply.rawHeaders)
    reply.pipe(response)
  })
  sent.on('error', () => response.writeHead(502).end('bad gateway\n'))
  sent.end()
}

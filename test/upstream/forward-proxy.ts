import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** An HTTP proxy that forwards plain http requests, and connects to whatever else it is asked for. */
export interface ForwardProxy {
  /** `127.0.0.1:<port>` */
  readonly host: string
  /** What it was asked for: absolute URLs. */
  readonly requests: readonly { readonly url: string; readonly authorization: string | undefined }[]
  /** Most connections that were open at a time. */
  readonly mostConnections: () => number
}

/** Starts one; with `authorization` it demands that value of Proxy-Authorization, and with `tls` it is spoken to by TLS. */
export async function startForwardProxy(
  t: TestContext,
  authorization?: string,
  tls?: ServerOptions,
): Promise<ForwardProxy> {
  const requests: { url: string; authorization: string | undefined }[] = []
  let [open, most] = [0, 0]
  const listener = (incoming: IncomingMessage, response: ServerResponse) => {
    const given = incoming.headers['proxy-authorization']
    requests.push({ url: incoming.url ?? '', authorization: given })
    if (authorization === undefined || given === authorization) forward(incoming, response)
    else response.writeHead(407, { 'Proxy-Authenticate': 'Basic realm="x"' }).end('who are you\n')
  }
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  server.on('connect', (incoming, socket) => {
    requests.push({ url: incoming.url ?? '', authorization: incoming.headers['proxy-authorization'] })
    const [host = '', port] = (incoming.url ?? '').split(':')
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
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

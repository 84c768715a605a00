import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

import { Signal } from '../../src/system/signal.ts'

/** A server that answers with any bytes at all. */
export interface RawServer {
  /** `http://127.0.0.1:<port>/` */
  readonly url: string
  /** The requests so far, as they were sent. */
  readonly requests: readonly string[]
  /** Connections open now. */
  readonly connections: () => number
  /** Most connections that were open at a time. */
  readonly mostConnections: () => number
  /** Resolves when no more than so many connections are open. */
  readonly waitForConnections: (most: number) => Promise<void>
}

/** Starts one; `answer` is called with each request's head. A body sent with a request is not understood. */
export async function startRawServer(
  t: TestContext,
  answer: (socket: Socket, request: string) => void,
): Promise<RawServer> {
  const requests: string[] = []
  const sockets = new Set<Socket>()
  const changed = new Signal()
  let most = 0
  const server = createServer((socket) => {
    sockets.add(socket)
    most = Math.max(most, sockets.size)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      sockets.delete(socket)
      changed.notify()
    })
    let head = ''
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1')
      if (!head.endsWith('\r\n\r\n')) return
      requests.push(head)
      answer(socket, head)
      head = ''
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    connections: () => sockets.size,
    mostConnections: () => most,
    waitForConnections: async (most) => {
      while (sockets.size > most) await changed.wait()
    },
  }
}

/** An answer with these header lines; its length is stated unless they state one, or chunks. */
export function formatReply(status: number, headers: readonly string[], body = ''): Buffer {
  const stated = headers.some((line) => /^(?:content-length|transfer-encoding):/i.test(line))
  const lines = [`HTTP/1.1 ${status} X`, ...headers, ...(stated ? [] : [`Content-Length: ${body.length}`])]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1')
}

import type { Socket } from 'node:net'
import type { Client } from 'undici'

import { sendRequest, type HttpReply, type RequestOptions } from '../send-request.ts'
import { shareReads } from '../shared-socket.ts'
import { loadUndici } from '../undici-parts.ts'

/** What undici is given with a socket on which a request was sent already. */
export interface SentRequest {
  readonly socket: Socket
  /** What has come in answer to it. */
  readonly come: Buffer
  /** What undici would write for it: it is not written again. */
  readonly sent: string
  readonly options: RequestOptions
  /** What connections read into, one after the other. */
  readonly memory: Buffer
}

/** An answer that undici reads. */
export interface HandedOver {
  /** Rejects with undici's errors, or the signal's reason. */
  readonly reply: Promise<HttpReply>
  /** What reads it, to be destroyed when it is to be broken off. */
  readonly client: Client
  /** Resolves when it is over, and the connection with it. */
  readonly over: Promise<void>
}

/** Has undici read an answer, from its first byte on, as if it had sent the request. The connection ends with it. */
export function handOver(request: SentRequest): HandedOver {
  const { socket, options } = request
  const { Client } = loadUndici()
  const client = new Client(options.origin, {
    connect: (_, callback) => queueMicrotask(() => callback(null, socket)),
  })
  showAgain(request)
  const reply = sendRequest(client, options)
  // It waits for what is under way.
  const over = client.close().catch(() => undefined)
  return { reply, client, over }
}

/** Has the first write go nowhere, if it is what was sent, and what has come be read after it. */
function showAgain({ socket, come, sent, memory }: SentRequest): void {
  const swallow = (bytes: unknown): boolean => {
    // What it has is its class's again.
    Reflect.deleteProperty(socket, 'write')
    if (bytes !== sent) {
      socket.destroy(new Error('undici asks otherwise than it was asked'))
      return false
    }
    queueMicrotask(() => {
      shareReads(socket, memory, come)
      socket.emit('readable')
    })
    return true
  }
  socket.write = swallow
}

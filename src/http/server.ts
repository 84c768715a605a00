import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { toPinyonError } from '../model/errors.ts'
import type { Logger } from '../system/logger.ts'
import { createExchange, type Exchange } from './exchange.ts'
import { logExchange } from './request-log.ts'
import { sendError } from './send-text.ts'

/** Longer than any client keeps an idle connection, so that it is never us who closes the one it is about to use, in milliseconds. */
const KEEP_ALIVE_MS = 120_000
/** A connection on which nothing moves in either direction is given up, in milliseconds. */
const IDLE_MS = 300_000
/** For a request's head to arrive, in milliseconds. */
const HEAD_MS = 30_000

/** Where to listen: TCP, or a Unix socket. */
export type Listen = { readonly host: string; readonly port: number } | { readonly socket: string }

/** Answers one request; what it throws becomes the answer. */
export type Handler = (exchange: Exchange) => Promise<void>

/** An HTTP/1.1 server: sockets, the error boundary and the request log; what is answered is its handler's. */
export class HttpServer {
  readonly #server: Server
  readonly #handler: Handler
  readonly #log: Logger
  readonly #busy = new Set<Exchange>()
  #idle: (() => void) | undefined

  constructor(handler: Handler, log: Logger) {
    this.#handler = handler
    this.#log = log
    this.#server = createServer(
      { keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: HEAD_MS, requestTimeout: HEAD_MS, noDelay: true },
      (request, response) => void this.#answer(request, response),
    )
    this.#server.timeout = IDLE_MS
  }

  /** Begins to accept connections; rejects when it cannot. */
  async listen(where: Listen): Promise<void> {
    const options =
      'socket' in where
        ? { path: where.socket }
        : { port: where.port, ...(where.host === '' ? {} : { host: where.host }) }
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ ...options, backlog: 1024 }, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
  }

  /** The port it listens on; 0 for a Unix socket. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0
  }

  /** Accepts nothing more, lets running answers finish for at most this long, then ends what is left. */
  async drain(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    if (this.#busy.size > 0) {
      const finished = new Promise<void>((resolve) => (this.#idle = resolve))
      const late = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref())
      await Promise.race([finished, late])
    }
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = createExchange(request, response)
    this.#busy.add(exchange)
    response.once('close', () => this.#finish(exchange))
    // A body we did not ask for is read and dropped, so that the connection stays usable.
    request.resume()
    try {
      await this.#handler(exchange)
    } catch (thrown) {
      sendError(exchange, toPinyonError(thrown))
    }
  }

  #finish(exchange: Exchange): void {
    this.#busy.delete(exchange)
    if (!exchange.response.writableFinished && exchange.error === undefined) exchange.outcome = 'aborted'
    logExchange(this.#log, exchange)
    if (this.#busy.size === 0) this.#idle?.()
  }
}

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { ListenOptions, Server as NetServer, Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import { toPinyonError, type ErrorCode } from '../model/errors.ts'
import type { TrustedProxies } from '../model/trusted-proxies.ts'
import type { Logger } from '../system/logger.ts'
import { withinMs } from '../system/within-ms.ts'
import { detourOf } from './detour.ts'
import type { EndedRequest } from './ended-request.ts'
import { createExchange, toEndedRequest, type Exchange } from './exchange.ts'
import { CONNECTION_TIMES } from './idle-times.ts'
import { RequestIds } from './request-id.ts'
import { RequestLog } from './request-log.ts'
import { refuseClient } from './refuse-client.ts'
import { LARGEST_BODY_BYTES } from './request-body.ts'
import { sendError } from './send-text.ts'
import type { ColdAnswers } from './fast/fast-context.ts'
import { FastPath, type FastFiles } from './fast/fast-path.ts'
import { HitLog } from './fast/hit-log.ts'
import { HitSums } from './fast/hit-sums.ts'

/**
 * Not imported: an import reads every export of it, WebSocket among them, for which Node loads its own fetch, and that costs every start 30 ms
 * and 10 MB.
 */
const { createServer } = process.getBuiltinModule('node:http')

/** Node looks for requests that take longer now and then only: so much of that time later at most, as a part of it. */
const LOOKS_PER_REQUEST_TIME = 6
/** For node to close what is ended, in milliseconds. */
const CLOSE_MS = 500
/** Errors that a body can end in while it is being received. */
const STOPPED_BODIES: ReadonlySet<ErrorCode> = new Set(['BODY_TOO_LARGE', 'TOO_BUSY'])
/** Somewhat more than the largest head that node reads, in bytes. */
const WHOLE_HEAD_BYTES = 17 << 10
/** Unfinished requests of one connection: no client of ours pipelines at all, and each costs memory. */
const MAX_PIPELINED = 256

/** CONNECT comes past node's requests; the bytes that follow it would not be HTTP, so the connection ends. */
const CONNECT_REFUSED =
  'HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'

/** Where to listen: TCP, a Unix socket, or a socket that is open and listens already. */
export type Listen =
  { readonly host: string; readonly port: number } | { readonly socket: string } | { readonly fd: number }

/** As many connections wait to be accepted. */
const BACKLOG = 1024

function toNodeOptions(where: Listen): ListenOptions | { readonly fd: number } {
  if ('fd' in where) return { fd: where.fd }
  if ('socket' in where) return { path: where.socket }
  return { port: where.port, ...(where.host === '' ? {} : { host: where.host }) }
}

/** Answers one request; what it throws becomes the answer. */
export type Handler = (exchange: Exchange) => Promise<void>

/** What differs between servers. */
export interface HttpServerOptions {
  /** How long a connection may be without traffic, in milliseconds; 0 for ever. Five minutes unless told. */
  readonly idleMs?: number
  /** For a request to arrive, head and body, in milliseconds. Half a minute unless told. */
  readonly requestMs?: number
  /** Told of every request when it has ended, however it did. */
  readonly onEnd?: (ended: EndedRequest) => void
  /** Told how many requests had no line of their own in the log. */
  readonly onLeftOut?: (count: number) => void
  /** Who is believed when he says whom he asks for; nobody unless told. Asked each time, since it can be configured anew. */
  readonly trustedProxies?: () => TrustedProxies | undefined
  /** What is answered straight on the socket while it is warm; nothing unless told. */
  readonly fast?: FastFiles
}

/** An HTTP/1.1 server: sockets, the error boundary and the request log; what is answered is its handler's. */
export class HttpServer {
  readonly #server: Server & { httpAllowHalfOpen?: boolean }
  readonly #handler: Handler
  readonly #log: Logger
  readonly #requestLog: RequestLog
  readonly #ids = new RequestIds()
  readonly #onEnd: ((ended: EndedRequest) => void) | undefined
  readonly #trustedProxies: (() => TrustedProxies | undefined) | undefined
  readonly #fast: FastPath | undefined
  readonly #hitSums = new HitSums((sum) => {
    this.#onEnd?.(sum)
    this.#requestLog.leaveOut(sum)
  })
  readonly #busy = new Set<Exchange>()
  /** Requests that node:http was ever asked to answer. */
  #begun = 0
  readonly #unfinished = new WeakMap<Socket, number>()
  /** Requests of a connection that wait for the one before: what each has opened and read would else be held for all of them. */
  readonly #waiting = new WeakMap<Socket, (() => void)[]>()
  #draining = false
  #idle: (() => void) | undefined

  constructor(handler: Handler, log: Logger, options: HttpServerOptions = {}) {
    const { requestMs = CONNECTION_TIMES.requestMs } = options
    this.#handler = handler
    this.#log = log
    this.#requestLog = new RequestLog(log, options.onLeftOut)
    this.#onEnd = options.onEnd
    this.#trustedProxies = options.trustedProxies
    this.#server = createServer(
      {
        keepAliveTimeout: CONNECTION_TIMES.keepAliveMs,
        headersTimeout: requestMs,
        requestTimeout: requestMs,
        connectionsCheckingInterval: Math.ceil(requestMs / LOOKS_PER_REQUEST_TIME),
        noDelay: true,
      },
      (request, response) => void this.#answer(request, response),
    )
    this.#server.on('checkContinue', (request, response) => this.#letContinue(request, response))
    this.#server.timeout = options.idleMs ?? CONNECTION_TIMES.idleMs
    // Who has asked may shut its side down and read on (RFC 9112, section 9.6); who is gone shows when it is written to.
    this.#server.httpAllowHalfOpen = true
    this.#server.on('clientError', refuseClient)
    this.#server.on('connect', ({ socket }) => this.#refuseTunnel(socket))
    this.#fast = options.fast === undefined ? undefined : this.#beginWith(options.fast, requestMs)
  }

  /** Begins to accept connections; rejects when it cannot. Its socket is bound before this returns. */
  listen(where: Listen): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(toNodeOptions(where), BACKLOG, () => {
        this.#server.off('error', reject)
        // Connections that cannot be accepted, for want of file descriptors, must not end the process.
        this.#server.on('error', (error) =>
          this.#log.error({ reason: error.message }, 'accepting connections'),
        )
        resolve()
      })
    })
  }

  /** Serves a connection that it has not accepted itself. */
  serve(socket: Duplex): void {
    this.#server.emit('connection', socket)
  }

  /** Serves a connection that another process has accepted, and on which these bytes have come. */
  takeOver(socket: Socket, bytes: Buffer | undefined): void {
    if (this.#fast !== undefined) return this.#fast.accept(socket, bytes)
    this.serve(socket)
    if (bytes !== undefined) socket.emit('data', bytes)
  }

  /** What accepts its connections, for other processes to accept some of them. */
  get listener(): NetServer {
    return this.#server
  }

  /** Connections on which nothing but simple requests for warm files has come. */
  get fastConnections(): number {
    return this.#fast?.size ?? 0
  }

  /** Lets go of at most so many of these, between two requests. */
  giveAway(count: number, take: (socket: Socket) => void): void {
    this.#fast?.giveAway(count, take)
  }

  /** Lets go of this part of those that were answered of late, between two requests. */
  giveShare(share: number, take: (socket: Socket) => void): void {
    this.#fast?.giveShare(share, take)
  }

  /** The address it listens on, also where it was handed over; undefined for a Unix socket. */
  get address(): { readonly host: string; readonly port: number } | undefined {
    // Of a Unix socket that was handed over node knows no path.
    const found = this.#server.address()
    return found === null || typeof found === 'string' ? undefined : { host: found.address, port: found.port }
  }

  /** The port it listens on; 0 for a Unix socket. */
  get port(): number {
    return this.address?.port ?? 0
  }

  /** Requests that are being answered. */
  get inFlight(): number {
    return this.#busy.size + (this.#fast?.sendingCount ?? 0)
  }

  /** Counts hits that are not counted yet: for whoever is about to look at what was counted. */
  countHits(): void {
    this.#hitSums.flush()
  }

  /** Where requests are logged, those that other processes answer for it as well. */
  get requestLog(): RequestLog {
    return this.#requestLog
  }

  /**
   * Accepts nothing more, lets running answers finish for at most this long, then ends what is left.
   * @param others resolves when no other process hands connections over any more
   */
  async drain(graceMs: number, others: Promise<unknown> = Promise.resolve()): Promise<void> {
    this.#draining = true
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    void this.#fast?.drain()
    for (const exchange of this.#busy) this.#beLast(exchange)
    const finished = others.then(() => this.#finishAnswers())
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, graceMs)))
    await Promise.race([finished, late])
    clearTimeout(timer)
    this.#fast?.destroy()
    this.#server.closeAllConnections()
    // All is ended by now, and told of a moment later. Of a connection that was sent to another process Node waits for a word, which does not
    // come when that was killed.
    await withinMs(Promise.all([closed, finished]), CLOSE_MS)
    this.countHits()
    this.#requestLog.flush()
  }

  /** Closes a connection behind its answer; before it has begun, when its client seems to have gone (see {@link FastPath.drain}). */
  #beLast({ request: { socket }, response }: Exchange): void {
    const breakOff = () => {
      if (!response.headersSent) socket.destroy()
    }
    if (!response.headersSent) response.shouldKeepAlive = false
    if (socket.readableEnded) breakOff()
    else socket.once('end', breakOff)
  }

  async #finishAnswers(): Promise<void> {
    // What comes on a connection that was accepted just now may be handed over: only then it is known who is busy.
    await this.#fast?.drain()
    if (this.#busy.size > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
  }

  /** Takes the place of node's own listener for connections, which gets what is not answered before it. */
  #beginWith(files: FastFiles, requestMs: number): FastPath {
    const server = this.#server
    const listeners = server.listeners('connection')
    const hits = new HitLog(this.#requestLog, this.#ids)
    const serve = (socket: Duplex) => {
      for (const listener of listeners) Reflect.apply(listener, server, [socket])
    }
    const { cold, ...warm } = files
    const answers: ColdAnswers | undefined = cold && {
      ...cold,
      name: (given) => given ?? this.#ids.next(),
      onEnd: (ended) => {
        this.#onEnd?.(ended)
        this.#requestLog.log(ended)
      },
    }
    const fast = new FastPath({
      ...warm,
      ...(answers === undefined ? {} : { cold: answers }),
      times: { ...CONNECTION_TIMES, requestMs, idleMs: server.timeout },
      nameHit: (nowMs, given) => hits.name(nowMs, given),
      ...(this.#trustedProxies === undefined ? {} : { trustedProxies: this.#trustedProxies }),
      onEnd: (ended) => {
        if (this.#hitSums.add(ended)) return
        this.#onEnd?.(ended)
        hits.log(ended)
      },
      serve,
      handOver: (socket, bytes) => {
        serve(socket)
        if (bytes === undefined) return false
        const begun = this.#begun
        // What came first is read first: node's parser takes the rest from the socket itself, in a later turn.
        socket.emit('data', bytes.subarray(0, WHOLE_HEAD_BYTES))
        // Of a head that is too large node would look through the rest before it says so.
        const rest = bytes.subarray(WHOLE_HEAD_BYTES)
        if (rest.length > 0 && !socket.destroyed) socket.emit('data', rest)
        if (socket.isPaused()) socket.resume()
        // Of a request that has begun the body may lie there.
        return socket.destroyed && this.#begun === begun
      },
    })
    server.removeAllListeners('connection')
    server.on('connection', (socket) => fast.accept(socket))
    return fast
  }

  /** Node lets go of such a connection: without its listeners an error of it ends the process, and it counts for no time limit and no drain. */
  #refuseTunnel(socket: Socket): void {
    socket.on('error', () => undefined)
    // What answers are owed before it would have to wait for whoever does not read them.
    if ((this.#unfinished.get(socket) ?? 0) > 0) socket.destroy()
    else {
      socket.end(CONNECT_REFUSED)
      socket.destroySoon()
    }
  }

  /** Who asks before sending a body (curl does beyond a megabyte, of old beyond a kilobyte) may, unless it would be refused for its size. */
  #letContinue(request: IncomingMessage, response: ServerResponse): void {
    const isWelcome = Number(request.headers['content-length'] ?? 0) <= LARGEST_BODY_BYTES
    if (isWelcome) response.writeContinue()
    // The body may come or not come: what follows on this connection could not be told from it.
    else response.shouldKeepAlive = false
    void this.#answer(request, response)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.countHits()
    const id = this.#ids.accept(request.headers['x-request-id'])
    const exchange = createExchange(request, response, id, this.#trustedProxies?.())
    this.#busy.add(exchange)
    this.#begun += 1
    response.once('close', () => this.#finish(exchange))
    const unfinished = this.#count(request.socket, 1)
    if (unfinished > MAX_PIPELINED) {
      request.socket.destroy()
      return
    }
    if (unfinished > 1) await this.#waitForTurn(request.socket)
    if (response.destroyed) return
    if (this.#draining) this.#beLast(exchange)
    try {
      // A body that nobody reads is dropped by node once the answer is done: the connection stays usable.
      await this.#handler(exchange)
    } catch (thrown) {
      this.#fail(exchange, thrown)
    }
  }

  #fail(exchange: Exchange, thrown: unknown): void {
    const error = toPinyonError(thrown)
    const { request, response } = exchange
    // Of a body that may go on for ever the rest is not waited for.
    if (STOPPED_BODIES.has(error.code) && !request.complete) response.shouldKeepAlive = false
    try {
      sendError(exchange, error)
    } catch (error) {
      // Not even that could be written: the client sees a broken connection, the log why.
      exchange.error = toPinyonError(error)
      exchange.response.destroy()
    }
  }

  #finish(exchange: Exchange): void {
    this.#busy.delete(exchange)
    this.#count(exchange.request.socket, -1)
    if (!exchange.response.writableFinished && exchange.error === undefined) exchange.outcome = 'aborted'
    const ended = toEndedRequest(exchange)
    this.#onEnd?.(ended)
    this.#requestLog.log(ended)
    this.#waiting.get(exchange.request.socket)?.shift()?.()
    detourOf(exchange.request)?.answered()
    if (this.#busy.size === 0) this.#idle?.()
  }

  async #waitForTurn(socket: Socket): Promise<void> {
    const waiting = this.#waiting.get(socket) ?? []
    this.#waiting.set(socket, waiting)
    await new Promise<void>((resolve) => waiting.push(resolve))
  }

  #count(socket: Socket, change: 1 | -1): number {
    const count = (this.#unfinished.get(socket) ?? 0) + change
    this.#unfinished.set(socket, count)
    return count
  }
}

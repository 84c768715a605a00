import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import type { Content } from '../../proxy/content.ts'
import type { FileReply } from '../../proxy/reply.ts'
import { Detour } from '../detour.ts'
import type { EndedRequest } from '../ended-request.ts'
import type { RequestIds } from '../request-id.ts'
import { describeAgent, toLogFields, type RequestLog } from '../request-log.ts'
import { FastConnection, type ConnectionTimes, type FastContext } from './fast-connection.ts'
import { PreparedAnswers } from './prepared-answers.ts'
import { RequestReader } from './request-head.ts'
import { SharedReads } from './shared-reads.ts'
import { SmallWrites } from './small-writes.ts'

/** How long a connection without a request is waited for by a server that ends, in milliseconds. */
const FIRST_REQUEST_MS = 1_000

/** What is answered without node:http. */
export interface FastFiles {
  /** A file of a snapshot that was asked for by exactly this target before. */
  readonly peek: (target: string) => FileReply | undefined
  readonly content: Content
  /** Whether new connections begin here. */
  readonly isOn: () => boolean
}

/** What a {@link FastPath} is built from. */
export interface FastPathOptions extends FastFiles {
  readonly times: ConnectionTimes
  readonly log: RequestLog
  readonly ids: RequestIds
  readonly onEnd: ((ended: EndedRequest) => void) | undefined
}

/** The connections of a server that node:http has not been handed, and may never be. */
export class FastPath implements FastContext {
  readonly requests = new RequestReader()
  readonly reads = new SharedReads()
  readonly writes = new SmallWrites()
  readonly answers: PreparedAnswers
  readonly times: ConnectionTimes
  readonly content: Content
  isDraining = false
  readonly #options: FastPathOptions
  readonly #connections = new Set<FastConnection>()
  readonly #handOver: (socket: Duplex) => void
  #idle: (() => void) | undefined

  /** Takes the place of node's own listener for connections of this server. */
  constructor(server: Server, options: FastPathOptions) {
    this.#options = options
    this.times = options.times
    this.content = options.content
    this.answers = new PreparedAnswers(options.times.keepAliveMs)
    const listeners = server.listeners('connection')
    this.#handOver = (socket) => {
      for (const listener of listeners) Reflect.apply(listener, server, [socket])
    }
    server.removeAllListeners('connection')
    server.on('connection', (socket) => this.#accept(socket))
  }

  peek(target: string): FileReply | undefined {
    return this.#options.peek(target)
  }

  handOver(connection: FastConnection, socket: Socket, bytes: Buffer): void {
    this.onClose(connection)
    this.#handOver(socket)
    // What came first is read first: node's parser takes the rest from the socket itself, in a later turn.
    socket.emit('data', bytes)
    if (socket.isPaused()) socket.resume()
  }

  openDetour(connection: FastConnection, socket: Socket): Detour {
    const detour = new Detour(socket, connection)
    this.#handOver(detour)
    return detour
  }

  nameHit(nowMs: number, given: string | undefined): string | undefined {
    const { log, ids } = this.#options
    // Who brings an id has it back; another one is made only where a line tells of it.
    return log.takesHit(nowMs) ? (given ?? ids.next()) : undefined
  }

  onEnd(connection: FastConnection): void {
    const { log, onEnd } = this.#options
    onEnd?.(connection)
    const { answer, outcome, isLogged, client, userAgent } = connection
    if (answer === undefined || outcome !== answer.outcome) return log.log(connection)
    if (!isLogged) return log.leaveOut(connection)
    connection.speaker ??= toLogFields({ client, agent: describeAgent(userAgent) })
    log.logHit(connection, answer, connection.speaker)
  }

  onClose(connection: FastConnection): void {
    this.#connections.delete(connection)
    this.#tellIfIdle()
  }

  /** Answers that are being sent from here. */
  get sendingCount(): number {
    let count = 0
    for (const { isSending } of this.#connections) if (isSending) count += 1
    return count
  }

  /** Ends idle connections; resolves when no other is left. The first request of one that was just made may be under way: it is waited for. */
  async drain(): Promise<void> {
    this.isDraining = true
    for (const one of this.#connections) if (!one.isBusy && !one.isFresh) one.connection.destroy()
    if (![...this.#connections].some(({ connection }) => !connection.destroyed)) return
    const timer = setTimeout(() => {
      for (const one of this.#connections) if (one.isFresh) one.connection.destroy()
    }, FIRST_REQUEST_MS)
    await new Promise<void>((resolve) => (this.#idle = resolve))
    clearTimeout(timer)
  }

  /** Ends what is left. */
  destroy(): void {
    for (const connection of this.#connections) connection.connection.destroy()
  }

  #accept(socket: Socket): void {
    if (this.#options.isOn()) this.#connections.add(new FastConnection(socket, this))
    else this.#handOver(socket)
  }

  #tellIfIdle(): void {
    if (this.#connections.size === 0) this.#idle?.()
  }
}

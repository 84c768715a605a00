import type { Socket } from 'node:net'

import type { TrustedProxies } from '../../model/trusted-proxies.ts'
import type { RollingReply } from '../../proxy/rolling-replies.ts'
import { Roster } from '../../system/roster.ts'
import { Detour } from '../detour.ts'
import { FastConnection } from './fast-connection.ts'
import type { ColdAnswers, ColdFiles, FastContent, FastContext } from './fast-context.ts'
import type { ConnectionTimes } from '../idle-times.ts'
import { PreparedAnswers } from './prepared-answers.ts'
import { RequestReader } from './request-head.ts'
import { SharedReads } from './shared-reads.ts'
import { SmallWrites } from './small-writes.ts'
import { tellOwner } from './socket-owner.ts'
import { SpareCopies } from './spare-copies.ts'

/** How long a connection without a request is waited for by a server that ends, in milliseconds. */
const FIRST_REQUEST_MS = 1_000

/** On what was answered so long ago, in milliseconds, more will be asked. */
const ACTIVE_MS = 1_000
/** Of no more than 1,024 sockets libuv learns at once, before any of them is read, that something has come; some are not on the roster. */
const AT_ONCE = 900
/** To send a connection to another process takes a tenth of a millisecond. */
const MOST_GIVEN = 100

/** What is answered without node:http. */
export interface FastFiles {
  /**
   * What was asked for by exactly this target before, of this host, and would be answered with the same now.
   * @param isJustRead whether all that is read in this turn of the event loop was sent before any of it was read
   */
  readonly peek: (target: string, host: string, isJustRead: boolean) => RollingReply | undefined
  /** What is not warm; node:http answers for it unless told. */
  readonly cold?: ColdFiles
  readonly content: FastContent
  /** Whether new connections begin here. */
  readonly isOn: () => boolean
}

/** What a {@link FastPath} is built from. */
export interface FastPathOptions extends Omit<FastFiles, 'cold'> {
  readonly cold?: ColdAnswers
  readonly times: ConnectionTimes
  /** By what a hit that begins now is known in the log; undefined when no line will tell of it. @param given the id that its request brings */
  readonly nameHit: (nowMs: number, given: string | undefined) => string | undefined
  /** As an HttpServer's. */
  readonly trustedProxies?: () => TrustedProxies | undefined
  /** Told when an answer has ended. */
  readonly onEnd: (ended: FastConnection) => void
  /**
   * Takes what is not answered here, with what came on it last, unread: by then nobody listens to the connection.
   * @returns whether it was refused at once, so that nobody refers to the bytes any more
   */
  readonly handOver: (socket: Socket, bytes: Buffer | undefined) => boolean
  /** Serves detours; where nobody does, what would make one is handed over. */
  readonly serve?: (detour: Detour) => void
}

/** The connections of a server that nobody else has been handed, and may never be. */
export class FastPath implements FastContext<FastConnection> {
  readonly requests = new RequestReader()
  readonly reads = new SharedReads(tellOwner)
  readonly copies = new SpareCopies()
  readonly writes = new SmallWrites()
  readonly answers: PreparedAnswers
  readonly times: ConnectionTimes
  readonly content: FastContent
  readonly cold: ColdAnswers | undefined
  isDraining = false
  readonly #options: FastPathOptions
  readonly #connections = new Roster<FastConnection>()
  #idle: (() => void) | undefined

  constructor(options: FastPathOptions) {
    this.#options = options
    this.times = options.times
    this.content = options.content
    this.cold = options.cold
    this.answers = new PreparedAnswers(options.times.keepAliveMs)
  }

  peek(target: string, host: string, isJustRead: boolean): RollingReply | undefined {
    return this.#options.peek(target, host, isJustRead && this.#connections.size < AT_ONCE)
  }

  /** Begins with a connection, or goes on with one of which these bytes have come, unread. */
  accept(socket: Socket, bytes?: Buffer): void {
    if (!this.#options.isOn()) return void this.#options.handOver(socket, bytes)
    const connection = new FastConnection(socket, this)
    this.#connections.add(connection)
    if (bytes !== undefined) connection.goOnWith(bytes)
  }

  handOver(connection: FastConnection, socket: Socket, bytes: Buffer): boolean {
    this.onClose(connection)
    return this.#options.handOver(socket, bytes)
  }

  openDetour(connection: FastConnection, socket: Socket): Detour | undefined {
    const { serve } = this.#options
    if (serve === undefined) return undefined
    const detour = new Detour(socket, connection)
    serve(detour)
    return detour
  }

  clientOf(peer: string | undefined, forwardedFor: string | undefined): string | undefined {
    const proxies = this.#options.trustedProxies?.()
    // Lines that would say it otherwise are handed over, and node:http's to read.
    return proxies === undefined ? peer : proxies.clientOf(peer, { forwardedFor, forwarded: undefined })
  }

  nameHit(nowMs: number, given: string | undefined): string | undefined {
    return this.#options.nameHit(nowMs, given)
  }

  /** Lets go of at most so many connections that wait for their next request, or for their first. */
  giveAway(count: number, take: (socket: Socket) => void): void {
    const idle = this.#connections.list().filter(({ isBusy }) => !isBusy)
    this.#give(idle.slice(0, count), take)
  }

  /** Lets go of this part of the connections that wait for their next request and were answered within the last second, of a hundred at most. */
  giveShare(share: number, take: (socket: Socket) => void): void {
    const since = performance.now() - ACTIVE_MS
    const active = this.#connections.list().filter(({ isBusy, endedAt }) => !isBusy && endedAt >= since)
    this.#give(active.slice(0, Math.min(Math.floor(active.length * share), MOST_GIVEN)), take)
  }

  #give(connections: readonly FastConnection[], take: (socket: Socket) => void): void {
    for (const connection of connections) {
      this.onClose(connection)
      take(connection.detach())
    }
  }

  /** Connections that wait, or are being answered. */
  get size(): number {
    return this.#connections.size
  }

  onEnd(connection: FastConnection): void {
    this.#options.onEnd(connection)
  }

  onClose(connection: FastConnection): void {
    this.#connections.delete(connection)
    this.#tellIfIdle()
  }

  /** Answers that are being sent from here. */
  get sendingCount(): number {
    let count = 0
    for (const { isSending } of this.#connections.list()) if (isSending) count += 1
    return count
  }

  /**
   * Ends connections that are idle, or whose client seems to have gone; resolves when no other is left. The first request of one that was just made may
   * be under way: it is waited for.
   */
  async drain(): Promise<void> {
    this.isDraining = true
    for (const one of this.#connections.list())
      if ((!one.isBusy && !one.isFresh) || isForsaken(one)) one.connection.destroy()
    // Of an answer that was broken off it is told when its connection has closed.
    if (!this.#connections.list().some((one) => one.isBusy || !one.connection.destroyed)) return
    const timer = setTimeout(() => {
      for (const one of this.#connections.list()) if (one.isFresh) one.connection.destroy()
    }, FIRST_REQUEST_MS)
    await new Promise<void>((resolve) => (this.#idle = resolve))
    clearTimeout(timer)
  }

  /** Ends what is left. */
  destroy(): void {
    for (const connection of this.#connections.list()) connection.connection.destroy()
  }

  #tellIfIdle(): void {
    if (this.#connections.size === 0) this.#idle?.()
  }
}

/**
 * Whether an answer that waits for upstream has a client that has sent its end. There is no other sign of one that has gone before it is written to;
 * one that only has nothing more to ask may as well come again.
 */
function isForsaken({ connection, exchange }: FastConnection): boolean {
  return connection.readableEnded && exchange?.hasBegun === false
}

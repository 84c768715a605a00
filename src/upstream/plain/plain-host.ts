import type { buildConnector } from 'undici'

import type { DirectWrites } from '../../system/direct-writes.ts'
import type { HttpReply, RequestOptions } from '../send-request.ts'
import { loadUndici } from '../undici-parts.ts'
import { handOver } from './hand-over.ts'
import { PlainConnection, type ConnectionOwner } from './plain-connection.ts'
import { ClosedMeanwhile } from './plain-exchange.ts'

/** How a host is connected to. */
export interface PlainHostOptions {
  readonly origin: string
  readonly connect: buildConnector.connector
  /** What connections read into, one after the other. */
  readonly memory: Buffer
  readonly writes: DirectWrites
  /** Told when no connection is left. */
  readonly onEmpty: () => void
}

/** How often it is looked for connections that have waited for too long, in milliseconds. */
const SWEEP_MS = 1_000

interface Idle {
  readonly connection: PlainConnection
  /** On the clock of `performance.now`. */
  readonly until: number
}

/** The connections to one host. There are as many as there are requests at a time: who asks bounds them. */
export class PlainHost {
  readonly #options: PlainHostOptions
  readonly #owner: ConnectionOwner
  readonly #all = new Set<PlainConnection>()
  /** Those that may be asked, the last used at the end. */
  readonly #idle: Idle[] = []
  /** Those that may be asked in the next turn, and who waits for one. */
  #resting = 0
  readonly #waiting: (() => void)[] = []
  #sweeper: NodeJS.Timeout | undefined
  #connecting = 0
  #isClosed = false
  readonly #closed = Promise.withResolvers<void>()

  constructor(options: PlainHostOptions) {
    this.#options = options
    const { memory, writes } = options
    this.#owner = {
      memory,
      writes,
      onIdle: (connection, idleMs) => this.#rest(connection, idleMs),
      onGone: (connection) => this.#drop(connection),
      handOver: (socket, come, sent, request) => handOver({ socket, come, sent, options: request, memory }),
    }
  }

  /**
   * Asks, on a connection that is there or on a new one.
   * @throws undici's errors, or the signal's reason
   */
  async send(request: string, options: RequestOptions): Promise<HttpReply> {
    if (this.#idle.length === 0 && this.#resting > this.#waiting.length) await this.#waitForRested()
    options.signal.throwIfAborted()
    const known = this.#take()
    if (known !== undefined) {
      try {
        return await known.ask(request, options)
      } catch (error) {
        if (!(error instanceof ClosedMeanwhile)) throw error
      }
    }
    const connection = await this.#connect(options)
    return await connection.ask(request, options)
  }

  /** Lets what is under way come to its end. */
  close(): Promise<void> {
    this.#isClosed = true
    for (const { connection } of this.#idle.splice(0)) connection.end(new Error('not needed any more'))
    this.#noteEmpty()
    return this.#closed.promise
  }

  /** Ends everything. */
  destroy(): Promise<void> {
    this.#isClosed = true
    const { ClientDestroyedError } = loadUndici().errors
    for (const connection of this.#all) connection.end(new ClientDestroyedError())
    this.#noteEmpty()
    return this.#closed.promise
  }

  #take(): PlainConnection | undefined {
    const now = performance.now()
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      if (last.until > now) return last.connection
      last.connection.end(new Error('it was not used'))
    }
    return undefined
  }

  async #waitForRested(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** It is asked again in a later turn only: by then it is seen what came unasked, and whether the server has closed it nevertheless. */
  #rest(connection: PlainConnection, idleMs: number): void {
    this.#resting += 1
    setImmediate(() => {
      this.#resting -= 1
      if (this.#isClosed) connection.end(new Error('not needed any more'))
      if (!connection.isGone) this.#idle.push({ connection, until: performance.now() + idleMs })
      this.#waiting.shift()?.()
      this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref()
    })
  }

  async #connect({ signal, onEnd }: RequestOptions): Promise<PlainConnection> {
    const { connect, origin } = this.#options
    const { host, hostname, protocol, port } = new URL(origin)
    this.#connecting += 1
    const made = Promise.withResolvers<PlainConnection>()
    const fail = (error: Error) => {
      made.reject(error)
      onEnd()
    }
    const giveUp = () => fail(signal.reason as Error)
    signal.addEventListener('abort', giveUp, { once: true })
    // Of an address of IPv6 that is between brackets.
    const bare = hostname.replace(/^\[(.*)\]$/, '$1')
    connect({ host, hostname: bare, protocol, port }, (error, socket) => {
      this.#connecting -= 1
      signal.removeEventListener('abort', giveUp)
      if (error !== null) {
        if (!signal.aborted) fail(error)
        return this.#noteEmpty()
      }
      const connection = PlainConnection.take(socket, this.#owner)
      if (connection === undefined) {
        socket.destroy()
        made.reject(new CannotRead())
        return this.#noteEmpty()
      }
      this.#all.add(connection)
      made.resolve(connection)
      if (signal.aborted || this.#isClosed) connection.end(new Error('not needed any more'))
    })
    return await made.promise
  }

  #drop(connection: PlainConnection): void {
    this.#all.delete(connection)
    const at = this.#idle.findIndex((idle) => idle.connection === connection)
    if (at >= 0) this.#idle.splice(at, 1)
    this.#noteEmpty()
  }

  #sweep(): void {
    const now = performance.now()
    for (const { connection } of this.#idle.filter(({ until }) => until <= now))
      connection.end(new Error('it was not used'))
    if (this.#idle.length > 0) return
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
  }

  #noteEmpty(): void {
    if (this.#all.size > 0 || this.#connecting > 0) return
    this.#options.onEmpty()
    if (this.#isClosed) this.#closed.resolve()
  }
}

/** This Node cannot read into memory that it is given. */
export class CannotRead extends Error {}

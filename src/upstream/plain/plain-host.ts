import type { Socket } from 'node:net'
import type { buildConnector, Client } from 'undici'

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
  /** Told when nothing is under way, and no connection is left. */
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
  /** Requests that wait for a connection or an answer. */
  #asking = 0
  /** What fails those that are being connected. */
  readonly #connecting = new Set<(error: Error) => void>()
  /** What reads answers that are not simple. */
  readonly #handedOver = new Set<Client>()
  #isClosed = false
  #isDestroyed = false
  readonly #closed = Promise.withResolvers<void>()

  constructor(options: PlainHostOptions) {
    this.#options = options
    const { memory, writes } = options
    this.#owner = {
      memory,
      writes,
      onIdle: (connection, idleMs) => this.#rest(connection, idleMs),
      onGone: (connection) => this.#drop(connection),
      handOver: (socket, come, sent, request) => this.#handOver(socket, come, sent, request),
    }
  }

  /**
   * Asks, on a connection that is there or on a new one.
   * @throws undici's errors, or the signal's reason
   */
  async send(request: string, options: RequestOptions): Promise<HttpReply> {
    this.#asking += 1
    try {
      if (this.#idle.length === 0 && this.#resting > this.#waiting.length) await this.#waitForRested()
      const known = options.signal.aborted ? undefined : await this.#takeSound()
      if (known !== undefined) {
        try {
          return await known.ask(request, options)
        } catch (error) {
          if (!(error instanceof ClosedMeanwhile)) throw error
        }
      }
      const connection = await this.#connect(options)
      return await connection.ask(request, options)
    } finally {
      this.#asking -= 1
      this.#noteEmpty()
    }
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
    this.#isDestroyed = true
    const { ClientDestroyedError } = loadUndici().errors
    for (const fail of this.#connecting) fail(new ClientDestroyedError())
    for (const connection of this.#all) connection.end(new ClientDestroyedError())
    for (const client of this.#handedOver) client.destroy().catch(() => undefined)
    this.#noteEmpty()
    return this.#closed.promise
  }

  /** One that is still open a turn later, as undici has it: by then bytes that came unasked are seen to be nobody's answer. */
  async #takeSound(): Promise<PlainConnection | undefined> {
    for (let known = this.#take(); known !== undefined; known = this.#take()) {
      await new Promise<void>((resolve) => setImmediate(resolve))
      if (!known.isGone) return known
    }
    return undefined
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
    const made = Promise.withResolvers<PlainConnection>()
    const fail = (error: Error) => {
      if (!this.#connecting.delete(fail)) return
      signal.removeEventListener('abort', giveUp)
      made.reject(error)
      onEnd()
    }
    const giveUp = () => fail(signal.reason as Error)
    this.#connecting.add(fail)
    signal.addEventListener('abort', giveUp, { once: true })
    // Since it was waited for, or asked for the first time.
    if (signal.aborted) giveUp()
    if (this.#isDestroyed) fail(new (loadUndici().errors.ClientDestroyedError)())
    if (!this.#connecting.has(fail)) return await made.promise
    // Of an address of IPv6 that is between brackets.
    const bare = hostname.replace(/^\[(.*)\]$/, '$1')
    connect({ host, hostname: bare, protocol, port }, (error, socket) => {
      if (error !== null) return fail(error)
      // A proxy passed them on: they are no answer.
      if (socket.readableLength > 0) {
        socket.destroy()
        return fail(new (loadUndici().errors.SocketError)('bytes came before anything was asked'))
      }
      // Nobody waits for it any more.
      if (!this.#connecting.delete(fail)) return void socket.destroy()
      signal.removeEventListener('abort', giveUp)
      const connection = PlainConnection.take(socket, this.#owner)
      if (connection === undefined) {
        socket.destroy()
        return made.reject(new CannotRead())
      }
      this.#all.add(connection)
      made.resolve(connection)
    })
    return await made.promise
  }

  #handOver(socket: Socket, come: Buffer, sent: string, options: RequestOptions): Promise<HttpReply> {
    const { memory } = this.#options
    const { reply, client, over } = handOver({ socket, come, sent, options, memory })
    this.#handedOver.add(client)
    const drop = () => {
      this.#handedOver.delete(client)
      this.#noteEmpty()
    }
    over.then(drop, drop)
    return reply
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
    if (this.#all.size > 0 || this.#asking > 0 || this.#handedOver.size > 0) return
    this.#options.onEmpty()
    if (this.#isClosed) this.#closed.resolve()
  }
}

/** This Node cannot read into memory that it is given. */
export class CannotRead extends Error {}

import { Socket } from 'node:net'

import type { DirectWrites } from '../../system/direct-writes.ts'
import { readInto } from '../../system/read-fields.ts'
import type { HttpReply, RequestOptions } from '../send-request.ts'
import { loadUndici } from '../undici-parts.ts'
import { InterimHeads } from './interim-heads.ts'
import { PlainExchange, type ExchangeFlow } from './plain-exchange.ts'
import { findHeadEnd, isInterim, readReplyHead } from './reply-head.ts'

/** Whose a connection is. */
export interface ConnectionOwner {
  /** What connections read into, one after the other, unless a body has memory of its own. */
  readonly memory: Buffer
  /** What requests are written with. */
  readonly writes: DirectWrites
  /** It has brought an answer whole, and may be asked again within so many milliseconds. */
  readonly onIdle: (connection: PlainConnection, idleMs: number) => void
  /** It has ended, or is somebody else's. */
  readonly onGone: (connection: PlainConnection) => void
  /** Takes over a socket with an answer that is not simple, of which this much has come, to this request, as it was sent. */
  readonly handOver: (
    socket: Socket,
    come: Buffer,
    sent: string,
    options: RequestOptions,
  ) => Promise<HttpReply>
}

/** A connection that is asked for one thing after the other, and reads the answers of the simple form (`reply-head.ts`). */
export class PlainConnection {
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #flow: ExchangeFlow
  #exchange: PlainExchange | undefined
  #sent = ''
  /** Where answers before the real one have come. */
  #interim: InterimHeads | undefined
  #idleMs = 0
  #isPaused = false
  #isGone = false
  /** Whether it has brought an answer before. */
  #isKnown = false
  /** Whether anything has come since it was last asked. */
  #isSilent = true
  #timer: NodeJS.Timeout | undefined
  #timeoutMs = 0

  /**
   * Takes a socket that is connected.
   * @returns undefined when this node cannot read into memory that is given to it: then it is as it was
   */
  static take(socket: Socket, owner: ConnectionOwner): PlainConnection | undefined {
    const connection = new PlainConnection(socket, owner)
    return connection.#begin() ? connection : undefined
  }

  private constructor(socket: Socket, owner: ConnectionOwner) {
    this.#socket = socket
    this.#owner = owner
    this.#flow = {
      pause: () => {
        this.#isPaused = true
      },
      resume: () => {
        this.#isPaused = false
        this.#timer?.refresh()
        readOn(socket)
      },
      giveUp: () => socket.destroy(),
      abort: (reason) => this.end(reason),
    }
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /**
   * Sends a request, when the last one's answer has come whole.
   * @param request its head, as it goes out
   * @throws undici's errors, or the signal's reason; ClosedMeanwhile when it may be asked for again on another
   */
  ask(request: string, options: RequestOptions): Promise<HttpReply> {
    const exchange = new PlainExchange(options, this.#flow)
    this.#exchange = exchange
    this.#sent = request
    this.#interim = undefined
    this.#isSilent = true
    // Given up since it was connected.
    if (options.signal.aborted) this.end(options.signal.reason as Error)
    else this.#send(request, options)
    return exchange.reply
  }

  #send(request: string, options: RequestOptions): void {
    this.#watch(options.timeoutMs)
    this.#socket.ref()
    this.#owner.writes.write(this.#socket, Buffer.from(request, 'latin1'))
  }

  /** Ends it, and what is under way with this error. */
  end(error: Error): void {
    this.#leave()
    const exchange = this.#exchange
    this.#exchange = undefined
    // A server may close a connection just as it is asked again (RFC 9110, section 9.2.2).
    const isStale = this.#isKnown && this.#isSilent && isClosing(error)
    if (isStale && exchange?.options.signal.aborted === false) exchange.putBack()
    else exchange?.fail(error)
    this.#socket.destroy()
  }

  #begin(): boolean {
    const { memory } = this.#owner
    const take = (count: number) => this.#take(count)
    if (!readInto(this.#socket, memory, take, () => this.#exchange?.landing ?? memory)) return false
    this.#socket.on('error', this.#onError).on('end', this.#onEnd).on('close', this.#onEnd)
    readOn(this.#socket)
    return true
  }

  /** @returns whether to read on */
  #take(count: number): boolean {
    const exchange = this.#exchange
    this.#isSilent = false
    try {
      if (exchange === undefined) throw new Error('it was not asked')
      this.#timer?.refresh()
      if (exchange.isAnswered) exchange.take((exchange.landing ?? this.#owner.memory).subarray(0, count))
      else if (!this.#takeHead(exchange, count)) return false
      if (exchange.isWhole) this.#rest()
    } catch (error) {
      this.end(error as Error)
    }
    return !this.#isPaused
  }

  /** @returns false once it is somebody else's */
  #takeHead(exchange: PlainExchange, count: number): boolean {
    const bytes = this.#passInterim(this.#owner.memory.subarray(0, count))
    if (bytes === undefined) return true
    const end = findHeadEnd(bytes, bytes.length)
    const head = end < 0 ? undefined : readReplyHead(bytes, end)
    if (head === undefined) {
      this.#handOver(exchange, Buffer.from(bytes))
      return false
    }
    this.#idleMs = head.idleMs
    exchange.begin(head)
    if (bytes.length > end) exchange.take(bytes.subarray(end))
    return true
  }

  #passInterim(bytes: Buffer): Buffer | undefined {
    if (this.#interim === undefined && !isInterim(bytes)) return bytes
    this.#interim ??= new InterimHeads()
    return this.#interim.pass(bytes)
  }

  #handOver(exchange: PlainExchange, come: Buffer): void {
    this.#leave()
    this.#exchange = undefined
    const socket = this.#socket
    socket.off('error', this.#onError).off('end', this.#onEnd).off('close', this.#onEnd)
    exchange.leaveTo(this.#owner.handOver(socket, come, this.#sent, exchange.options))
  }

  /** Its answer has come whole: it may still be read. */
  #rest(): void {
    this.#exchange = undefined
    this.#isPaused = false
    this.#isKnown = true
    if (this.#idleMs === 0) return this.end(new Error('it is to be closed'))
    this.#socket.unref()
    this.#owner.onIdle(this, this.#idleMs)
  }

  #leave(): void {
    if (this.#isGone) return
    this.#isGone = true
    clearTimeout(this.#timer)
    this.#owner.onGone(this)
  }

  /** For what comes, from now on and between two pieces. */
  #watch(timeoutMs: number): void {
    if (this.#timeoutMs === timeoutMs) this.#timer?.refresh()
    else {
      clearTimeout(this.#timer)
      this.#timeoutMs = timeoutMs
      this.#timer = setTimeout(this.#onLate, timeoutMs).unref()
    }
  }

  readonly #onLate = (): void => {
    if (this.#exchange === undefined) return
    // That is its reader's time.
    if (this.#isPaused) this.#timer?.refresh()
    else {
      const { HeadersTimeoutError, BodyTimeoutError } = loadUndici().errors
      this.end(this.#exchange.isAnswered ? new BodyTimeoutError() : new HeadersTimeoutError())
    }
  }

  readonly #onError = (error: Error): void => this.end(error)

  readonly #onEnd = (): void => {
    if (this.#isGone && this.#exchange === undefined) return
    const { SocketError } = loadUndici().errors
    this.end(new SocketError('other side closed'))
  }
}

/** Whether a connection ended without a word. */
function isClosing(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE'
}

/** Has a socket go on, whose reader has held it up; what it reads is told as {@link readInto} has it. */
function readOn(socket: Socket): void {
  Socket.prototype._read.call(socket, 0)
}

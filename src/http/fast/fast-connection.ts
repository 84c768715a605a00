import type { Socket } from 'node:net'

import { toPinyonError, type PinyonError } from '../../model/errors.ts'
import type { Outcome } from '../../model/outcome.ts'
import type { Body } from '../../proxy/body.ts'
import type { Content } from '../../proxy/content.ts'
import type { FileReply } from '../../proxy/reply.ts'
import type { Snapshot } from '../../snapshot/store.ts'
import { bodyChunks } from '../body-chunks.ts'
import { planWhole } from '../body-plan.ts'
import type { EndedRequest } from '../ended-request.ts'
import type { PreparedAnswer, PreparedAnswers } from './prepared-answers.ts'
import type { RequestReader, SimpleHeaders } from './request-head.ts'

/** What is in memory and no larger goes to the kernel in one call, in bytes; of more, so much at a time. */
const ONE_PIECE_BYTES = 1 << 20
const PIECE_BYTES = 256 << 10

/** What node answers who sends nothing. */
const SENT_NOTHING = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'

const NOTHING = Buffer.alloc(0)

/** How long connections may be idle, in milliseconds. */
export interface ConnectionTimes {
  /** Before their first request. */
  readonly requestMs: number
  /** Between requests, as clients are told; and how much longer than that, as a request may be under way. */
  readonly keepAliveMs: number
  readonly marginMs: number
  /** In the middle of an answer. */
  readonly idleMs: number
}

/** What the connections of a server share. */
export interface FastContext {
  readonly requests: RequestReader
  readonly answers: PreparedAnswers
  readonly times: ConnectionTimes
  readonly content: Content
  readonly isDraining: boolean
  /** A file that was asked for by exactly this target before. */
  peek(target: string): FileReply | undefined
  /** Takes over the connection, and what came on it last. */
  handOver(connection: FastConnection, socket: Socket, bytes: Buffer): void
  /** Told when an answer has ended, and after it when the connection has. */
  onEnd(connection: FastConnection): void
  onClose(connection: FastConnection): void
}

/**
 * A connection on which warm files are answered straight on the socket, one request after the other. What is not a simple request for
 * one of them it hands over, unread, and is done with.
 */
export class FastConnection implements EndedRequest {
  readonly method = 'GET'
  readonly status = 200
  readonly note = undefined
  readonly client: string | undefined
  readonly connection: Socket
  target = ''
  startedAt = 0
  outcome: Outcome | undefined
  snapshot: Snapshot | undefined
  packageName: string | undefined
  error: PinyonError | undefined
  bytes = 0
  headers: SimpleHeaders | undefined
  answer: PreparedAnswer | undefined
  /** Who asks, as the log has it; made when it is needed. */
  speaker: string | undefined
  readonly #context: FastContext
  /** Of the answer that is not sent yet. */
  #body: Body | undefined
  #wake: (() => void) | undefined
  /** Whether the client has sent all it has to send. */
  #hasEnded = false

  constructor(socket: Socket, context: FastContext) {
    this.connection = socket
    this.client = socket.remoteAddress
    this.#context = context
    socket.setTimeout(context.times.requestMs)
    socket.on('timeout', this.#onTimeout)
    socket.on('error', ignore)
    socket.on('close', this.#onClose)
    socket.on('end', this.#onEnd)
    socket.on('data', this.#onData)
  }

  get userAgent(): string | undefined {
    return this.headers?.userAgent
  }

  /** Whether an answer is being sent. */
  get isBusy(): boolean {
    return this.#body !== undefined
  }

  readonly #onData = (chunk: Buffer): void => {
    const { requests, content } = this.#context
    const request = requests.read(chunk)
    const file = request === undefined ? undefined : this.#context.peek(request.target)
    const body = file === undefined ? undefined : content.peek(file)
    if (request === undefined || file === undefined || body?.size === undefined) return this.#handOver(chunk)
    // The first of a connection: from here on it is idle between requests.
    if (this.headers === undefined) this.#becomeIdle()
    this.#begin(request.target, request.headers, file)
    this.answer = this.#context.answers.answer(request.target, file, body.size)
    if (body.bytes !== undefined) this.#sendMemory(body, body.bytes)
    else
      this.#sendChunks(chunk, file, body, body.size).catch(() => {
        // What cannot even be told of breaks this connection and no other.
        this.connection.destroy()
      })
  }

  #begin(target: string, headers: SimpleHeaders, { snapshot, packageName }: FileReply): void {
    this.startedAt = performance.now()
    this.target = target
    if (headers !== this.headers) this.speaker = undefined
    this.headers = headers
    this.snapshot = snapshot
    this.packageName = packageName
    this.outcome = 'hit'
    this.bytes = 0
  }

  #sendMemory(body: Body, bytes: Buffer): void {
    const socket = this.connection
    const first = bytes.length <= ONE_PIECE_BYTES ? bytes : bytes.subarray(0, PIECE_BYTES)
    socket.cork()
    this.#writeHead()
    if (first.length > 0) socket.write(first)
    socket.uncork()
    this.#body = body
    let sent = first.length
    // The usual case: the kernel has taken all of it by now.
    if (sent === bytes.length && socket.writableLength === 0 && !socket.destroyed) {
      this.bytes = sent
      return this.#finish()
    }
    this.#pause()
    const goOn = () => {
      if (socket.destroyed || this.#body !== body) return
      this.bytes = sent
      if (sent === bytes.length) {
        this.#finish()
        return this.#resume()
      }
      const piece = bytes.subarray(sent, sent + PIECE_BYTES)
      sent += piece.length
      socket.write(piece, goOn)
    }
    // Called when all before it is written.
    socket.write(NOTHING, goOn)
  }

  async #sendChunks(request: Buffer, file: FileReply, body: Body, size: number): Promise<void> {
    const { content } = this.#context
    this.#body = body
    this.#pause()
    const chunks = bodyChunks(body, planWhole(size, file.contentType), content.chunks)
    let isBegun = false
    try {
      for await (const chunk of chunks) {
        // Not before there is a byte to send: until then somebody else can still make another answer of it.
        if (!isBegun) this.#writeHead()
        isBegun = true
        if (!(await this.#write(chunk))) return
        this.bytes += chunk.length
      }
    } catch (error) {
      await content.dropUnreadable(file, error)
      return this.#fail(request, isBegun, error)
    }
    this.#finish()
    this.#resume()
  }

  #writeHead(): void {
    const { answer, headers } = this
    if (answer === undefined || headers === undefined) return
    this.connection.write(this.#context.answers.head(answer, headers.keepsAlive, Date.now()))
  }

  /** Waits until the kernel has the bytes, so that their buffer can be used again; false when the connection is gone. */
  async #write(chunk: Buffer): Promise<boolean> {
    const socket = this.connection
    if (socket.destroyed) return false
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      socket.write(chunk, () => resolve())
    })
    this.#wake = undefined
    return !socket.destroyed
  }

  #fail(request: Buffer, isBegun: boolean, error: unknown): void {
    if (this.connection.destroyed) return
    if (!isBegun) {
      this.#release()
      return this.#handOver(request)
    }
    // A client must see that the body is not whole.
    this.error = toPinyonError(error)
    this.outcome = this.error.kind.outcome
    this.connection.destroy()
  }

  #finish(): void {
    this.#context.onEnd(this)
    this.#release()
    if (this.headers?.keepsAlive === true && !this.#hasEnded && !this.#context.isDraining) return
    // What else it has sent is not answered.
    this.connection.off('data', this.#onData)
    this.connection.destroySoon()
  }

  #release(): void {
    this.#body?.release()
    this.#body = undefined
  }

  /** Until its answer is sent nothing more is read: what comes waits in the kernel. */
  #pause(): void {
    this.connection.pause()
    this.connection.setTimeout(this.#context.times.idleMs)
  }

  #resume(): void {
    this.#becomeIdle()
    this.connection.resume()
  }

  #becomeIdle(): void {
    const { keepAliveMs, marginMs } = this.#context.times
    this.connection.setTimeout(keepAliveMs + marginMs)
  }

  #handOver(chunk: Buffer): void {
    const socket = this.connection
    socket.off('timeout', this.#onTimeout)
    socket.off('error', ignore)
    socket.off('close', this.#onClose)
    socket.off('end', this.#onEnd)
    socket.off('data', this.#onData)
    socket.setTimeout(0)
    this.#context.handOver(this, socket, chunk)
  }

  readonly #onEnd = (): void => {
    this.#hasEnded = true
    if (!this.isBusy) this.connection.end()
  }

  readonly #onTimeout = (): void => {
    if (this.headers === undefined) this.connection.write(SENT_NOTHING)
    this.connection.destroy()
  }

  readonly #onClose = (): void => {
    this.#wake?.()
    if (this.#body !== undefined) {
      if (this.error === undefined) this.outcome = 'aborted'
      this.#context.onEnd(this)
      this.#release()
    }
    this.#context.onClose(this)
  }
}

/** Who has gone is told of by 'close'. */
function ignore(): void {}

import { giveBack } from '../../system/pieces.ts'
import { Crumbs } from '../crumbs.ts'
import { PieceBody } from '../piece-body.ts'
import type { HttpReply, RequestOptions } from '../send-request.ts'
import type { ReplyHead } from './reply-head.ts'

/** Of a read that brought fewer bytes the next one is not worth memory of its own. */
const MANY_BYTES = 16 << 10
/** So many lie well in a piece of their own; fewer are copied together. */
const PIECEFUL_BYTES = 128 << 10

/** How whoever asks is held up and let go by whom the connection is. */
export interface ExchangeFlow {
  readonly pause: () => void
  readonly resume: () => void
  /** Nobody wants the rest: the connection is of no use any more. */
  readonly giveUp: () => void
  /** The request was given up, for this reason. */
  readonly abort: (reason: Error) => void
}

/** A server has closed a connection just as it was asked again. */
export class ClosedMeanwhile extends Error {}

/** One request and its answer, as it comes. */
export class PlainExchange {
  readonly options: RequestOptions
  readonly #flow: ExchangeFlow
  readonly #reply = Promise.withResolvers<HttpReply>()
  readonly #crumbs = new Crumbs()
  #body: PieceBody | undefined
  /** Bytes of the body that are to come. */
  #left = 0
  /** What the next read goes into; the memory that all connections share where there is none. */
  #landing: Buffer | undefined
  #isOver = false

  constructor(options: RequestOptions, flow: ExchangeFlow) {
    this.options = options
    this.#flow = flow
    options.signal.addEventListener('abort', this.#abort, { once: true })
  }

  /** Rejects with what the connection failed with, or the signal's reason. */
  get reply(): Promise<HttpReply> {
    return this.#reply.promise
  }

  /** Whether the head has come. */
  get isAnswered(): boolean {
    return this.#body !== undefined
  }

  /** Whether all of the answer has come. */
  get isWhole(): boolean {
    return this.isAnswered && this.#left === 0
  }

  /** Memory of its own for what comes next, where more than a little is expected. */
  get landing(): Buffer | undefined {
    return this.#landing
  }

  /** The head has come. */
  begin({ statusCode, headers, length }: ReplyHead): void {
    const { pause, resume } = this.#flow
    this.#left = length
    const body = new PieceBody(this.options.pieces, { pause, resume, giveUp: this.#giveUp, onRead: this.end })
    this.#body = body
    if (length === 0) body.end()
    this.#reply.resolve({ statusCode, headers, body })
  }

  /**
   * Bytes of the body have come, into {@link landing} where there was one.
   * @param bytes valid during the call
   * @throws Error for more than there are to be, or a body in crumbs
   */
  take(bytes: Buffer): void {
    const count = Math.min(bytes.length, this.#left)
    this.#left -= count
    const piece = this.#landing
    if (piece !== undefined && count >= PIECEFUL_BYTES) {
      this.#landing = undefined
      this.#body?.adopt(piece, count)
    } else this.#body?.push(bytes.subarray(0, count))
    this.#aim(bytes.length >= MANY_BYTES)
    const isLong = bytes.length > count
    if (this.#left === 0) this.#body?.end()
    if (isLong) throw new Error('more came than was announced')
    const error = this.#crumbs.note(count)
    if (error !== undefined) throw error
  }

  /** Nothing more comes. */
  fail(error: Error): void {
    this.#reply.reject(error)
    this.#body?.fail(error)
    this.#aim(false)
    this.end()
  }

  /** Hands the request to somebody else, whose answer is its answer. */
  leaveTo(reply: Promise<HttpReply>): void {
    this.#leave()
    this.#reply.resolve(reply)
  }

  /** Nothing has come, as the connection was closed: it may be asked for again, and is not over. */
  putBack(): void {
    this.#leave()
    this.#reply.reject(new ClosedMeanwhile())
  }

  /** All was read, or nobody reads. */
  readonly end = (): void => {
    if (this.#isOver) return
    this.#leave()
    this.options.onEnd()
  }

  #leave(): void {
    this.#isOver = true
    this.options.signal.removeEventListener('abort', this.#abort)
  }

  readonly #giveUp = (): void => {
    this.end()
    this.#flow.giveUp()
  }

  readonly #abort = (): void => {
    // Once all has come the connection may be another request's.
    if (this.isWhole) this.end()
    else this.#flow.abort(this.options.signal.reason as Error)
  }

  #aim(isFast: boolean): void {
    if (isFast && this.#left > 0) this.#landing ??= this.options.pieces.take()
    else if (this.#landing !== undefined) {
      giveBack(this.#landing)
      this.#landing = undefined
    }
  }
}

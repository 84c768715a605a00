import type { Dispatcher } from 'undici'

import type { Pieces } from '../system/pieces.ts'
import { Crumbs } from './crumbs.ts'
import { PieceBody } from './piece-body.ts'
import { loadUndici } from './undici-parts.ts'

/** Interim answers (1xx) before the real one: a server that goes on with them keeps the processor busy, and comes to no end. */
export const MAX_INTERIM = 64

/** What is asked for, and how long that may take. */
export interface RequestOptions {
  readonly origin: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** For the answer to begin, and between two pieces of its body, in milliseconds. */
  readonly timeoutMs: number
  /** Ends the request, and the answer's body. */
  readonly signal: AbortSignal
  readonly pieces: Pieces
  /** Told once, when all was read, or no more is to come. */
  readonly onEnd: () => void
}

/** An answer's head, and its body as it comes. */
export interface HttpReply {
  readonly statusCode: number
  readonly headers: Dispatcher.ResponseData['headers']
  readonly body: PieceBody
}

/**
 * Gets something through a dispatcher of undici, as its own `request` does, but into pieces of memory that are used again.
 * @throws undici's errors, or the signal's reason
 */
export async function sendRequest(dispatcher: Dispatcher, options: RequestOptions): Promise<HttpReply> {
  options.signal.throwIfAborted()
  const handler = new ReplyHandler(options)
  const { origin, path, headers, timeoutMs } = options
  try {
    dispatcher.dispatch(
      { origin, path, method: 'GET', headers, headersTimeout: timeoutMs, bodyTimeout: timeoutMs },
      handler,
    )
  } catch (error) {
    handler.onResponseError(undefined, error as Error)
  }
  return await handler.reply
}

/** What a request fails with whose answer goes on and on about to begin. */
export function tooManyInterim(): Error {
  return new (loadUndici().errors.SocketError)(`more answers in between came than: ${MAX_INTERIM}`)
}

class ReplyHandler implements Dispatcher.DispatchHandler {
  readonly #options: RequestOptions
  readonly #reply = Promise.withResolvers<HttpReply>()
  #controller: Dispatcher.DispatchController | undefined
  #body: PieceBody | undefined
  #interim = 0
  readonly #crumbs = new Crumbs()
  #isOver = false

  constructor(options: RequestOptions) {
    this.#options = options
    options.signal.addEventListener('abort', this.#abort, { once: true })
  }

  get reply(): Promise<HttpReply> {
    return this.#reply.promise
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // Given up while it waited for a connection.
    if (this.#isOver) controller.abort(this.#options.signal.reason as Error)
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: Dispatcher.ResponseData['headers'],
  ): void {
    if (this.#isOver) return
    if (statusCode < 200) return this.#countInterim(controller)
    this.#body = new PieceBody(this.#options.pieces, {
      pause: () => controller.pause(),
      resume: () => controller.resume(),
      giveUp: () => {
        controller.abort(new Error('its reader has gone'))
        this.#end()
      },
      onRead: () => this.#end(),
    })
    this.#reply.resolve({ statusCode, headers, body: this.#body })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return
    this.#body?.push(chunk)
    const error = this.#crumbs.note(chunk.length)
    if (error !== undefined) controller.abort(error)
  }

  onResponseEnd(): void {
    this.#body?.end()
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#isOver) return
    this.#reply.reject(error)
    this.#body?.fail(error)
    this.#end()
  }

  #countInterim(controller: Dispatcher.DispatchController): void {
    this.#interim += 1
    if (this.#interim > MAX_INTERIM) controller.abort(tooManyInterim())
  }

  readonly #abort = (): void => {
    const reason = this.#options.signal.reason as Error
    this.#controller?.abort(reason)
    this.onResponseError(undefined, reason)
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.signal.removeEventListener('abort', this.#abort)
    this.#options.onEnd()
  }
}

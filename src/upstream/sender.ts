import type { Dispatcher } from 'undici'

import { sendRequest, type HttpReply, type RequestOptions } from './send-request.ts'

/** What sends requests, over connections that it keeps. */
export interface Sender {
  /** Rejects with undici's errors, or the signal's reason. */
  send(options: RequestOptions): Promise<HttpReply>
  /** Takes no more, and ends when all that is under way has. */
  close(): Promise<void>
  /** Breaks off what is under way, and ends. */
  destroy(): Promise<void>
}

/** What undici sends requests through. */
export class DispatcherSender implements Sender {
  readonly #dispatcher: Dispatcher

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher
  }

  send(options: RequestOptions): Promise<HttpReply> {
    return sendRequest(this.#dispatcher, options)
  }

  close(): Promise<void> {
    return this.#dispatcher.close()
  }

  destroy(): Promise<void> {
    return this.#dispatcher.destroy()
  }
}

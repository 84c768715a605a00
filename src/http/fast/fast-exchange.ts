import type { Socket } from 'node:net'

import { toPinyonError, type PinyonError } from '../../model/errors.ts'
import type { Outcome } from '../../model/outcome.ts'
import type { FileReply } from '../../proxy/reply.ts'
import type { Snapshot } from '../../snapshot/store.ts'
import type { EndedRequest } from '../ended-request.ts'
import type { AnyExchange } from '../exchange.ts'
import type { ConnectionTimes } from '../idle-times.ts'
import type { Headers, Outlet } from '../outlet.ts'
import { sendFile, type FileContent } from '../send-file.ts'
import { sendError } from '../send-text.ts'
import type { PreparedAnswers } from './prepared-answers.ts'
import type { SimpleConditions, SimpleRequest } from './request-head.ts'
import type { SmallWrites } from './small-writes.ts'

/** Whose request it is, and what its answer is written with. */
export interface FastExchangeOptions {
  readonly socket: Socket
  readonly context: {
    readonly answers: PreparedAnswers
    readonly writes: SmallWrites
    readonly times: ConnectionTimes
    readonly isDraining: boolean
  }
  readonly id: string
  readonly client: string | undefined
  /** When it was asked, by `performance.now()`. */
  readonly startedAt: number
  /** Told once, when the kernel has all of the answer or the connection is gone. */
  readonly onEnd: (ended: FastExchange) => void
}

const NO_CONDITIONS: SimpleConditions = {}
const NOTHING = Buffer.alloc(0)

/** A simple request for a file that is not warm, and its answer, which is written straight to the socket as `sendFile` has it. */
export class FastExchange implements AnyExchange, EndedRequest, Outlet {
  readonly count = 1
  readonly note = undefined
  readonly errorFormat = 'text'
  readonly outlet = this
  readonly method: 'GET' | 'HEAD'
  readonly target: string
  readonly headers: SimpleConditions
  readonly userAgent: string | undefined
  /** Whether its connection is to go on. */
  keepsAlive: boolean
  readonly connection: Socket
  readonly id: string
  readonly client: string | undefined
  readonly startedAt: number
  status = 200
  headAt: number | undefined
  endedAt = 0
  outcome: Outcome | undefined
  snapshot: Snapshot | undefined
  packageName: string | undefined
  error: PinyonError | undefined
  writtenBytes = 0
  finalBytes = 0
  readonly #options: FastExchangeOptions
  /** What of the answer was begun and is not sent yet. */
  #head: Buffer | undefined
  #state: 'asked' | 'begun' | 'ended' = 'asked'
  /** Wakes whoever waits for the kernel. */
  #wake: (() => void) | undefined

  constructor({ method, target, headers }: SimpleRequest, options: FastExchangeOptions) {
    this.method = method
    this.target = target
    this.headers = headers.conditions ?? NO_CONDITIONS
    this.userAgent = headers.userAgent
    this.keepsAlive = headers.keepsAlive
    this.connection = options.socket
    this.id = options.id
    this.client = options.client
    this.startedAt = options.startedAt
    this.#options = options
  }

  get bytes(): number {
    return this.writtenBytes
  }

  get hasBegun(): boolean {
    return this.#state !== 'asked'
  }

  /** Answers it. Never rejects: what cannot even be told of breaks its connection and no other. */
  async answer(file: FileReply, content: FileContent): Promise<void> {
    try {
      await sendFile(this, file, content)
    } catch (thrown) {
      this.fail(toPinyonError(thrown))
    }
  }

  /** Answers with an error; once an answer has begun, by its end. */
  fail(error: PinyonError): void {
    if (this.#state === 'ended') return
    try {
      sendError(this, error)
    } catch (failure) {
      this.error = toPinyonError(failure)
      this.breakOff()
    }
  }

  begin(status: number, headers: Headers): void {
    if (this.#state === 'ended') return
    this.status = status
    this.#state = 'begun'
    const { answers, isDraining } = this.#options.context
    if (isDraining) this.keepsAlive = false
    this.#head = answers.headOf(status, headers, this.keepsAlive)
  }

  write(bytes: Buffer): boolean | Promise<boolean> {
    // What is written beneath a stream is nothing that it knows of.
    this.connection.setTimeout(this.#options.context.times.idleMs)
    return this.#send(bytes)
  }

  end(bytes: Buffer = NOTHING): void {
    const going = this.#head === undefined && bytes.length === 0 ? true : this.#send(bytes)
    if (going === true) this.#finish()
    else if (going !== false) void going.then((isSent) => isSent && this.#finish())
  }

  breakOff(): void {
    this.connection.destroy()
  }

  /** The connection is gone. */
  gone(): void {
    this.#wake?.()
    if (this.error === undefined) this.outcome = 'aborted'
    this.#tell()
  }

  #send(bytes: Buffer): boolean | Promise<boolean> {
    const { connection } = this
    if (connection.destroyed) return false
    const { writes } = this.#options.context
    const head = this.#takeHead()
    const isTaken =
      head === undefined ? writes.goOn(connection, bytes) : writes.write(connection, head, bytes)
    return isTaken || this.#flushed()
  }

  #finish(): void {
    this.writtenBytes += this.finalBytes
    this.#tell()
  }

  #tell(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.endedAt = performance.now()
    this.#options.onEnd(this)
  }

  #takeHead(): Buffer | undefined {
    const head = this.#head
    this.#head = undefined
    return head
  }

  /** Resolves when the kernel has all that was written, with whether it has. */
  #flushed(): Promise<boolean> {
    const { connection } = this
    return new Promise((resolve) => {
      const wake = (error?: Error | null) => {
        this.#wake = undefined
        // Of what the kernel has refused the stream tells before it is destroyed.
        resolve(!(error instanceof Error) && !connection.destroyed)
      }
      this.#wake = wake
      // Called when all before it is written.
      connection.write(NOTHING, wake)
    })
  }
}

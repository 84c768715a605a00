import { fork, type ChildProcess } from 'node:child_process'
import { Socket, type Server } from 'node:net'

import type { TallySnapshot } from '../../system/tally.ts'
import { readOn } from './hand-over.ts'
import type { FromWorker, ToWorker, WorkerTask } from './messages.ts'

/** What a worker is told of, and tells. */
export interface WorkerChildOptions {
  readonly task: WorkerTask
  /** What it accepts connections from. */
  readonly listener: Server
  readonly onMessage: (message: FromWorker, worker: WorkerChild) => void
  /** Gets a connection that is none for a worker, with what has come on it. */
  readonly onConnection: (socket: Socket, bytes: Uint8Array | undefined) => void
  readonly onReady: (worker: WorkerChild) => void
  /** Told once, however it has ended, and why. */
  readonly onEnd: (worker: WorkerChild, how: string) => void
  /** How often it is asked whether it is well, in milliseconds; every five seconds unless told. */
  readonly pingMs?: number
}

/** Its blobs are not in this memory. */
const EXEC_ARGV = ['--max-old-space-size=512']

/** One that does not answer to what must be known is ended after so many milliseconds. */
const ANSWER_MS = 10_000
const PING_MS = 5_000
/** One that leaves so many unanswered in a row is ended. Counted, not timed: this process may have been stopped as well. */
const MAX_UNANSWERED = 4
/** So much later than it was told to, in milliseconds. */
const LATE_MS = 2_000

/** A worker, as the first process sees it. */
export class WorkerChild {
  readonly #options: WorkerChildOptions
  readonly #child: ChildProcess
  readonly #asked = new Map<number, () => void>()
  readonly #ended = Promise.withResolvers<void>()
  /** Connections on their way to it, by their numbers, with what had come on them: until it says that it took one, it may die. */
  readonly #given = new Map<number, { readonly socket: Socket; readonly bytes: Buffer | undefined }>()
  #givenCount = 0
  readonly #pings: NodeJS.Timeout
  #unanswered = 0
  /** Why it was ended from here. */
  #why: string | undefined
  #isReady = false
  #isEnding = false
  #hasEnded = false
  /** How busy it was lately, from 0 to 1; and since when, by performance.now(). */
  #load = 0
  #loadAt = 0
  #tally: TallySnapshot | undefined

  constructor(options: WorkerChildOptions) {
    this.#options = options
    this.#child = fork(new URL(import.meta.resolve('./worker-process.ts')), {
      execArgv: EXEC_ARGV,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.#child.on('message', (message, handle) => this.#hear(message as FromWorker, handle))
    // One that could not be started has no exit.
    this.#child.on('error', (error) => this.#child.pid === undefined && this.#end(error.message))
    this.#child.once('exit', (code, signal) => this.#end(signal ?? `exit code ${code}`))
    this.say({ kind: 'listen', task: options.task }, options.listener)
    this.#pings = setInterval(() => this.#ping(), options.pingMs ?? PING_MS).unref()
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Whether it accepts connections. */
  get isReady(): boolean {
    return this.#isReady && !this.#isEnding && !this.#hasEnded
  }

  /** What it has counted, as it said last. */
  get tally(): TallySnapshot | undefined {
    return this.#tally
  }

  /** How busy it is, from 0 to 1, as it said last; it says nothing while it is idle. */
  load(sinceMs: number): number {
    return this.#loadAt >= sinceMs ? this.#load : 0
  }

  /** Says something to it; nothing when it is gone. */
  say(message: ToWorker, handle?: Server | Socket): void {
    if (this.#hasEnded || !this.#child.connected) return
    // An error is that of a worker that is going: its end is told of.
    this.#child.send(message, handle, undefined, () => undefined)
  }

  /** Gives it a connection, and what has come on it; one that it has not taken when it dies comes back. */
  give(socket: Socket, bytes: Buffer | undefined): void {
    const id = (this.#givenCount += 1)
    this.#given.set(id, { socket, bytes })
    if (this.#hasEnded || !this.#child.connected) return this.#takeBack(id)
    // Kept open here: what Node closes only when the other side confirms it, it never closes when that side dies first.
    this.#child.send({ kind: 'take', id, bytes } satisfies ToWorker, socket, { keepOpen: true }, (error) => {
      if (error !== null) this.#takeBack(id)
    })
  }

  #takeBack(id: number): void {
    const given = this.#given.get(id)
    if (given === undefined) return
    this.#given.delete(id)
    readOn(given.socket)
    this.#options.onConnection(given.socket, given.bytes)
  }

  #takeAllBack(): void {
    if (this.#given.size === 0) return
    // What it said before it died may still be unread: only the channel's end shows that it is not.
    if ((this.#child.channel ?? undefined) !== undefined) return void setImmediate(() => this.#takeAllBack())
    for (const id of this.#given.keys()) this.#takeBack(id)
  }

  /** Resolves when it has forgotten what it has learned, or is no more. One that does not answer is ended. */
  async forget(id: number): Promise<void> {
    // One that is only starting has learned nothing yet.
    if (!this.#isReady || this.#hasEnded || !this.#child.connected) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#endFor('it did not forget what it was told to'), ANSWER_MS)
      this.#asked.set(id, () => {
        clearTimeout(timer)
        resolve()
      })
      this.say({ kind: 'forget', id })
    })
  }

  /** Lets it end what it answers, for so long at most, and resolves when it is no more. */
  async stop(graceMs: number, handsBack: boolean): Promise<void> {
    this.#isEnding = true
    const timer = setTimeout(() => this.kill(), graceMs + LATE_MS)
    this.say({ kind: 'stop', graceMs, handsBack })
    await this.#ended.promise
    clearTimeout(timer)
  }

  /** What hangs answers nobody, and only its end lets others take its place. */
  #ping(): void {
    if (!this.#isReady || !this.#child.connected) return
    if (this.#unanswered >= MAX_UNANSWERED) return this.#endFor('it did not answer')
    this.#unanswered += 1
    this.say({ kind: 'ping' })
  }

  #endFor(why: string): void {
    this.#why ??= why
    this.kill()
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #hear(message: FromWorker, handle: unknown): void {
    if (message.kind === 'connection') {
      if (handle instanceof Socket) this.#options.onConnection(handle, message.bytes)
    } else if (message.kind === 'ready') {
      this.#isReady = true
      // One that was told to end while it began gets nothing any more.
      if (!this.#isEnding) this.#options.onReady(this)
    } else if (message.kind === 'pong') this.#unanswered = 0
    else if (message.kind === 'took') {
      this.#given.get(message.id)?.socket.destroy()
      this.#given.delete(message.id)
    } else if (message.kind === 'forgot') this.#settle(message.id)
    else if (message.kind === 'load') {
      this.#load = message.load
      this.#loadAt = performance.now()
    } else if (message.kind === 'tally') this.#tally = message.tally
    else if (message.kind !== 'done') this.#options.onMessage(message, this)
  }

  #settle(id: number): void {
    this.#asked.get(id)?.()
    this.#asked.delete(id)
  }

  #end(how: string): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    clearInterval(this.#pings)
    for (const id of this.#asked.keys()) this.#settle(id)
    this.#takeAllBack()
    this.#ended.resolve()
    this.#options.onEnd(this, this.#why ?? how)
  }
}

import type { Digest } from '../../model/digest.ts'
import type { HttpServer } from '../../http/server.ts'
import type { Logger } from '../../system/logger.ts'
import type { TallySnapshot } from '../../system/tally.ts'
import { findMove, type Move } from './balance.ts'
import { stopReading, takeUp, toBuffer } from './hand-over.ts'
import type { AskedTarget, FromWorker, LearnedReply, WorkerTask } from './messages.ts'
import { WorkerChild } from './worker-child.ts'
import { LoadWatch, RestartPace, type WorkerBounds } from './worker-count.ts'

/** What workers say that is none of their pool's business. */
export type WorkerNews = Extract<FromWorker, { kind: 'ended' | 'wrong' | 'unreadable' }>

/** What a {@link Workers} is built from. */
export interface WorkersOptions {
  /** Where they accept connections, and give those back that are not for them. */
  readonly server: HttpServer
  /** How many processes serve by the running configuration. */
  readonly bounds: () => WorkerBounds
  readonly task: () => WorkerTask
  /** What a target names, if a worker may answer with it. */
  readonly learn: (asked: AskedTarget) => Promise<LearnedReply | undefined>
  readonly onNews: (news: WorkerNews) => void
  /** Gets what a worker that has ended had counted. */
  readonly absorb: (tally: TallySnapshot) => void
  readonly log: Logger
  /** How often it is looked how busy all are, in milliseconds; every second unless told. */
  readonly lookMs?: number
}

/** A start waits so long for its workers, in milliseconds: without them it serves as well. */
const START_MS = 5_000
const LOOK_MS = 1_000
/** What was busy so long ago, in milliseconds, counts as idle. */
const STALE_MS = 2_500

/** How long a worker that is not needed may go on with what it answers, in milliseconds: slow clients take their time. */
const LET_GO_MS = 3_600_000

/** The processes that serve beside this one: started, replaced when they die, more of them while all are busy. */
export class Workers {
  readonly #options: WorkersOptions
  readonly #watch = new LoadWatch()
  readonly #pace = new RestartPace()
  readonly #children = new Set<WorkerChild>()
  /** Those that end what they answer. */
  readonly #leaving = new Set<WorkerChild>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #looking: NodeJS.Timeout | undefined
  #utilization = performance.eventLoopUtilization()
  /** How many there are to be, this process included. */
  #wanted = 1
  #restarts = 0
  #waiting = 0
  #epoch = 0
  #forgotten: Promise<unknown> = Promise.resolve()
  #isClosed = false
  #ready: (() => void) | undefined

  constructor(options: WorkersOptions) {
    this.#options = options
  }

  /** Processes that serve now, this one included; those that there should be; and how many died and were replaced. */
  get state(): { readonly serving: number; readonly wanted: number; readonly restarts: number } {
    const serving = 1 + [...this.#children].filter(({ isReady }) => isReady).length
    return { serving, wanted: this.#wanted, restarts: this.#restarts }
  }

  /** What each of them has counted, and how many died and were replaced. */
  get figures(): { readonly tallies: readonly TallySnapshot[]; readonly restarts: number } {
    const tallies = this.#all.flatMap(({ tally }) => (tally === undefined ? [] : [tally]))
    return { tallies, restarts: this.#restarts }
  }

  /** Starts as many as there have to be; resolves when they serve, or after some seconds. */
  async start(): Promise<void> {
    await this.adopt()
    if (this.#isComplete) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, START_MS)))
    await Promise.race([new Promise<void>((resolve) => (this.#ready = resolve)), late])
    clearTimeout(timer)
  }

  /** Another configuration runs: as many as that says, and nothing that was learned under the one before. */
  async adopt(): Promise<void> {
    const { least, most } = this.#options.bounds()
    this.#setWanted(Math.min(Math.max(this.#wanted, least), most))
    if (most > 1) this.#looking ??= setInterval(() => this.#look(), this.#options.lookMs ?? LOOK_MS).unref()
    else {
      clearInterval(this.#looking)
      this.#looking = undefined
    }
    const { trustedProxies: proxies } = this.#options.task()
    for (const child of this.#all) child.say({ kind: 'trust', proxies })
    await this.forget()
  }

  /** Has them forget what targets name; resolves when none answers by what it had learned before. */
  async forget(): Promise<void> {
    this.#epoch += 1
    const id = this.#epoch
    const forgotten = Promise.all(this.#all.map((child) => child.forget(id)))
    this.#forgotten = Promise.all([this.#forgotten, forgotten])
    await forgotten
  }

  /** Resolves when all that they were told to forget is forgotten. */
  async settled(): Promise<void> {
    await this.#forgotten
  }

  /** Tells them of blobs that are gone. */
  drop(digests: readonly Digest[]): void {
    for (const child of this.#all) child.say({ kind: 'removed', digests })
  }

  /** Ends them, once what they answer is answered or so many milliseconds have passed. */
  async close(graceMs: number): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#looking)
    for (const timer of this.#timers) clearTimeout(timer)
    await Promise.all(this.#all.map((child) => child.stop(graceMs, false)))
  }

  get #all(): readonly WorkerChild[] {
    return [...this.#children, ...this.#leaving]
  }

  get #isComplete(): boolean {
    return this.state.serving >= this.#wanted
  }

  #setWanted(count: number): void {
    this.#wanted = count
    const missing = count - 1 - this.#children.size - this.#waiting
    for (let more = 0; more < missing; more += 1) this.#startOne()
    // Those that were started last.
    for (const child of [...this.#children].slice(count - 1)) this.#letGo(child)
  }

  #startOne(): void {
    if (this.#isClosed) return
    const { server, task, onNews, absorb } = this.#options
    const child = new WorkerChild({
      task: task(),
      listener: server.listener,
      onMessage: (message, worker) => {
        if (message.kind === 'learn') void this.#teach(worker, message.asked)
        else if (message.kind === 'ended' || message.kind === 'wrong' || message.kind === 'unreadable')
          onNews(message)
      },
      onConnection: (socket, bytes) => server.takeOver(takeUp(socket), toBuffer(bytes)),
      onReady: (worker) => this.#welcome(worker),
      onEnd: (worker, how) => {
        if (worker.tally !== undefined) absorb(worker.tally)
        this.#replace(worker, how)
      },
    })
    this.#children.add(child)
  }

  /** It gets its share of the connections that wait here: they may be all that there ever will be. */
  #welcome(child: WorkerChild): void {
    const { server, log } = this.#options
    log.info({ worker: child.pid, ...this.state }, 'a worker serves')
    const share = Math.floor(server.fastConnections / this.state.serving)
    server.giveAway(share, (socket) => child.give(socket, stopReading(socket)))
    if (this.#isComplete) this.#ready?.()
  }

  #letGo(child: WorkerChild): void {
    this.#children.delete(child)
    this.#leaving.add(child)
    this.#options.log.info({ worker: child.pid }, 'a worker is not needed any more')
    void child.stop(LET_GO_MS, true)
  }

  #replace(child: WorkerChild, how: string): void {
    this.#leaving.delete(child)
    if (!this.#children.delete(child) || this.#isClosed) return
    this.#restarts += 1
    const pauseMs = this.#pace.note(performance.now())
    this.#options.log.error({ worker: child.pid, how, pauseMs }, 'a worker died, and is replaced')
    if (pauseMs === 0) return this.#setWanted(this.#wanted)
    this.#waiting += 1
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#waiting -= 1
      this.#setWanted(this.#wanted)
    }, pauseMs).unref()
    this.#timers.add(timer)
  }

  async #teach(child: WorkerChild, asked: AskedTarget): Promise<void> {
    const epoch = this.#epoch
    const learned = await this.#options.learn(asked).catch(() => undefined)
    // What was found before they were told to forget may be what they were to forget.
    child.say({ kind: 'learned', asked, learned: epoch === this.#epoch ? learned : undefined })
  }

  #look(): void {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, this.#utilization)
    this.#utilization = now
    const since = performance.now() - STALE_MS
    const bounds = this.#options.bounds()
    const loadsOf = (children: readonly WorkerChild[]) => [
      utilization,
      ...children.map((child) => child.load(since)),
    ]
    if (bounds.most > bounds.least)
      this.#setWanted(this.#wanted + this.#watch.look(loadsOf([...this.#children]), bounds))
    const ready = [...this.#children].filter(({ isReady }) => isReady)
    this.#move(findMove(loadsOf(ready)), ready)
  }

  /** From one worker to another by way of this process: if it is too busy for them, it gives them on when it looks again. */
  #move(move: Move | undefined, ready: readonly WorkerChild[]): void {
    if (move === undefined) return
    const { from, to, share } = move
    ready[from - 1]?.say({ kind: 'share', share })
    const taker = ready[to - 1]
    if (from > 0 || taker === undefined) return
    this.#options.server.giveShare(share, (socket) => taker.give(socket, stopReading(socket)))
  }
}

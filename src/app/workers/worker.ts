import { createServer, type Server, type Socket } from 'node:net'

import { BlobCache } from '../../cache/blob-cache.ts'
import { DiskBlobStore } from '../../cache/disk-blob-store.ts'
import { createLayout } from '../../cache/layout.ts'
import type { FastConnection } from '../../http/fast/fast-connection.ts'
import { TrustedProxies } from '../../model/trusted-proxies.ts'
import { FastPath } from '../../http/fast/fast-path.ts'
import { isPlainTarget, RequestReader } from '../../http/fast/request-head.ts'
import { HitSampler } from '../../http/hit-sampler.ts'
import { CONNECTION_TIMES } from '../../http/idle-times.ts'
import { RequestIds } from '../../http/request-id.ts'
import { Tally } from '../../system/tally.ts'
import { watchProcess } from '../../system/watch-process.ts'
import { EndedRequests } from './ended-batch.ts'
import { Generations } from './generations.ts'
import { readOn, stopReading, takeUp, toBuffer } from './hand-over.ts'
import { KnownTargets } from './known-targets.ts'
import type { AskedTarget, FromWorker, ToWorker, WorkerTask } from './messages.ts'
import { StoredContent } from './stored-content.ts'

/** How late requests that have ended are told of, in milliseconds: so much a kill loses. At once when there are so many. */
const TELL_MS = 100
const TELL_AT = 4_096
/** How often it is said how busy this process is, in milliseconds. */
const LOAD_MS = 1_000
/** How often it is said what was counted, in milliseconds. */
const TALLY_MS = 5_000
/** Less than this is not worth a word. */
const LITTLE_LOAD = 0.02

/** Says something to the first process; a connection is its own from then on. Calls back when it is written. */
export type Say = (message: FromWorker, connection?: Socket, written?: () => void) => void

/**
 * Accepts connections beside the first process, and answers what is simplest and most: whole files of snapshots that are stored. A
 * connection on which anything else comes is the first process's from then on, with what has come. So a worker reads no database, writes
 * nothing, and knows neither upstreams nor configuration.
 */
export class Worker {
  readonly #say: Say
  readonly #server: Server
  readonly #requests = new RequestReader()
  readonly #ended = new EndedRequests()
  readonly #targets: KnownTargets
  readonly #generations: Generations
  readonly #blobs: BlobCache
  readonly #content: StoredContent
  readonly #fast: FastPath
  readonly #ids = new RequestIds()
  /** Which hits have a line of the log: the sums of others are the first process's. */
  readonly #sampler = new HitSampler(() => undefined)
  readonly #tally = new Tally()
  readonly #timers: NodeJS.Timeout[]
  /** What is begun again now that its file is known, and is not to be asked for once more. */
  #begun: Socket | undefined
  /** Connections whose file is being looked for, and those that are being taken. */
  #judged = 0
  #judgedAll: (() => void) | undefined
  #handsBack = false
  #isFinished = false
  #trustedProxies: TrustedProxies | undefined
  /** Until a batch is written the next one grows. */
  #isTelling = false
  #tellTimer: NodeJS.Timeout | undefined
  #utilization = performance.eventLoopUtilization()

  constructor(task: WorkerTask, say: Say) {
    this.#say = say
    this.#trust(task.trustedProxies)
    const layout = createLayout(task.dataDir)
    this.#generations = new Generations(layout.database)
    this.#targets = new KnownTargets({
      ask: (asked) => say({ kind: 'learn', asked }),
      generation: () => this.#generations.newest(),
    })
    const disk = new DiskBlobStore(layout, { processId: '', isAlive: () => true })
    const source = {
      open: disk.open.bind(disk),
      // The account of blobs is the first process's.
      remove: async (digest: Parameters<DiskBlobStore['remove']>[0]) => {
        say({ kind: 'wrong', digest })
        return true
      },
    }
    this.#blobs = new BlobCache(source, { memoryBytes: task.memoryBytes })
    this.#content = new StoredContent(this.#blobs, (digest, error) =>
      say({ kind: 'unreadable', digest, reason: error.message }),
    )
    this.#fast = new FastPath({
      peek: (target, host, isJustRead) => this.#targets.peek(target, host, isJustRead),
      content: this.#content,
      isOn: () => true,
      times: CONNECTION_TIMES,
      trustedProxies: () => this.#trustedProxies,
      nameHit: (nowMs, given) =>
        task.isLogged && this.#sampler.takes(nowMs) ? (given ?? this.#ids.next()) : undefined,
      onEnd: (ended) => this.#note(ended),
      handOver: (socket, bytes) => {
        this.#judge(socket, bytes)
        // It may have been the last one, and not idle when all were given back.
        if (this.#handsBack) setImmediate(() => this.#giveAllBack())
        return false
      },
    })
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#fast.accept(socket))
    watchProcess(this.#tally)
    this.#timers = [
      setInterval(() => this.#tellLoad(), LOAD_MS).unref(),
      setInterval(() => this.#tellTally(), TALLY_MS).unref(),
    ]
  }

  /** Accepts connections of a listening socket that others accept from as well. */
  async listen(shared: Server): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(shared, () => {
        this.#server.off('error', reject)
        // Connections that cannot be accepted, for want of file descriptors, wait for somebody who can.
        this.#server.on('error', () => undefined)
        resolve()
      })
    })
    this.#tellTally()
    this.#say({ kind: 'ready' })
  }

  /** Does what the first process says. */
  hear(message: Exclude<ToWorker, { kind: 'listen' }>, socket: Socket | undefined): void {
    if (message.kind === 'learned') this.#targets.learn(message.asked, message.learned)
    else if (message.kind === 'removed') for (const digest of message.digests) this.#blobs.forget(digest)
    else if (message.kind === 'trust') this.#trust(message.proxies)
    else if (message.kind === 'ping') this.#say({ kind: 'pong' })
    else if (message.kind === 'share')
      this.#fast.giveShare(message.share, (socket) => this.#giveBack(socket, undefined))
    else if (message.kind === 'forget') {
      this.#targets.forget()
      this.#say({ kind: 'forgot', id: message.id })
    } else if (message.kind === 'stop') void this.#stop(message)
    else if (socket !== undefined) this.#take(takeUp(socket), message)
  }

  #trust(proxies: readonly string[]): void {
    this.#trustedProxies = proxies.length === 0 ? undefined : new TrustedProxies(proxies)
  }

  /** Reads a connection only when it is said that it is this process's: what was read would be gone with it. */
  #take(socket: Socket, { id, bytes }: Extract<ToWorker, { kind: 'take' }>): void {
    const before = stopReading(socket, toBuffer(bytes))
    this.#judged += 1
    this.#say({ kind: 'took', id }, undefined, () => {
      this.#judged -= 1
      readOn(socket)
      this.#fast.accept(socket, before)
      this.#judgedAll?.()
    })
  }

  /** What is not known, or not warm: made so if it can be, else the first process's. */
  #judge(socket: Socket, bytes: Buffer | undefined): void {
    const request = bytes === undefined || socket === this.#begun ? undefined : this.#requests.read(bytes)
    const isSimple = request !== undefined && isPlainTarget(request.target) && !this.#handsBack
    if (!isSimple || bytes === undefined) return this.#giveBack(socket, bytes)
    socket.pause()
    // Nobody else listens while the file is looked for.
    socket.on('error', ignore)
    this.#judged += 1
    const asked = { target: request.target, host: request.headers.host }
    const warming = this.#makeWarm(asked).catch(() => false)
    void warming.then((isWarm) => {
      this.#judged -= 1
      socket.off('error', ignore)
      if (!socket.destroyed && isWarm) this.#begin(socket, bytes)
      else if (!socket.destroyed) this.#giveBack(socket, bytes)
      this.#judgedAll?.()
    })
  }

  #begin(socket: Socket, bytes: Buffer): void {
    this.#begun = socket
    this.#fast.accept(socket, bytes)
    this.#begun = undefined
  }

  async #makeWarm(asked: AskedTarget): Promise<boolean> {
    const reply = await this.#targets.find(asked)
    if (reply === undefined) return false
    if (reply.kind === 'text' || !reply.immutable) await this.#generations.open()
    return reply.kind === 'text' || (await this.#content.warm(reply))
  }

  #giveBack(socket: Socket, bytes: Buffer | undefined): void {
    this.#say({ kind: 'connection', bytes: stopReading(socket, bytes) }, socket)
  }

  #note(ended: FastConnection): void {
    const isMore = this.#ended.add(ended, ended.isLogged)
    if (isMore && this.#ended.size % TELL_AT === 0) this.#tell()
    this.#tellTimer ??= setTimeout(() => this.#tell(), TELL_MS).unref()
    if (this.#handsBack) setImmediate(() => this.#giveAllBack())
  }

  #tell(): void {
    clearTimeout(this.#tellTimer)
    this.#tellTimer = undefined
    if (this.#ended.size === 0 || this.#isTelling) return
    this.#isTelling = true
    this.#say({ kind: 'ended', batch: this.#ended.take(), used: this.#blobs.takeUsed() }, undefined, () => {
      this.#isTelling = false
      if (this.#ended.size >= TELL_AT) this.#tell()
    })
  }

  #tellLoad(): void {
    const now = performance.eventLoopUtilization()
    const { utilization: load } = performance.eventLoopUtilization(now, this.#utilization)
    this.#utilization = now
    if (load > LITTLE_LOAD) this.#say({ kind: 'load', load })
  }

  #tellTally(): void {
    this.#say({ kind: 'tally', tally: this.#tally.snapshot() })
  }

  #giveAllBack(): void {
    this.#fast.giveAway(Number.POSITIVE_INFINITY, (socket) => this.#giveBack(socket, undefined))
    if (this.#fast.size === 0 && this.#judged === 0) this.#finish()
  }

  async #stop({ graceMs, handsBack }: { graceMs: number; handsBack: boolean }): Promise<void> {
    this.#server.close()
    this.#handsBack = handsBack
    setTimeout(() => this.#fast.destroy(), graceMs).unref()
    if (handsBack) {
      this.#judgedAll = () => this.#giveAllBack()
      return this.#giveAllBack()
    }
    // What is being answered may bring a request that is looked at, and the other way round; nothing is handed over once all is said.
    do {
      if (this.#judged > 0)
        await new Promise<void>((resolve) => (this.#judgedAll = () => this.#judged === 0 && resolve()))
      await this.#fast.drain()
    } while (this.#judged > 0)
    this.#finish()
  }

  #finish(): void {
    if (this.#isFinished) return
    this.#isFinished = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#isTelling = false
    this.#tell()
    this.#tellTally()
    this.#say({ kind: 'done' })
  }
}

/** Whether it is still there is seen when it is answered, or handed back. */
function ignore(): void {}

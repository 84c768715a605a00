import type { Socket } from 'node:net'
// Of a global, node looks up each time whether it was made yet.
import { performance } from 'node:perf_hooks'

import { PinyonError, toPinyonError } from '../../model/errors.ts'
import type { Body } from '../../proxy/body.ts'
import type { FileReply } from '../../proxy/reply.ts'
import type { RollingReply } from '../../proxy/rolling-replies.ts'
import { bodyChunks } from '../body-chunks.ts'
import { planWhole, type BodyPlan } from '../body-plan.ts'
import type { Detour, DetourOwner } from '../detour.ts'
import { SENT_NOTHING } from '../refuse-client.ts'
import type { ColdAnswers, FastContext } from './fast-context.ts'
import { FastExchange } from './fast-exchange.ts'
import { bytesOf, findAnswer, isMuchWork, type FastAnswer } from './fast-answer.ts'
import { HitRecord } from './hit-record.ts'
import type { PreparedAnswer } from './prepared-answers.ts'
import { isPlainTarget, type SimpleRequest } from './request-head.ts'
import { copyOf } from './shared-reads.ts'
import { PIECE_BYTES, SlowWrites } from './slow-writes.ts'
import { disown, own, type SocketOwner } from './socket-owner.ts'

/** What is in memory and no larger goes to the kernel in one call, in bytes. */
const ONE_PIECE_BYTES = 1 << 20

/**
 * A connection on which warm files are answered straight on the socket, one request after the other. A simple request for anything else
 * makes a detour by node:http, which is sent that request and nothing behind it. What is no simple request is handed over, unread, and the
 * connection with it.
 */
export class FastConnection extends HitRecord implements DetourOwner, SocketOwner {
  place: number | undefined
  readonly #peer: string | undefined
  readonly #context: FastContext<FastConnection>
  /** Who is sent what comes: this; node:http, as soon as it has answered one request; node:http for good; nobody any more. */
  #way: 'fast' | 'detour' | 'node' | 'ended' = 'fast'
  #detour: Detour | undefined
  /** Whether an answer is not sent yet, and what it is sent from. */
  isSending = false
  /** Whether a request waits for its turn. */
  #isWaiting = false
  #body: Body | undefined
  /** What came meanwhile. */
  #next: Buffer | undefined
  #isIdle = false
  #begunAt = 0
  #slow: SlowWrites | undefined
  /** Of what is not warm, while it is answered. */
  exchange: FastExchange | undefined
  /** Whether the client has sent all it has to send. */
  #hasEnded = false

  constructor(socket: Socket, context: FastContext<FastConnection>) {
    super(socket)
    this.#peer = this.client
    // That may have come while somebody else had the connection.
    this.#hasEnded = socket.readableEnded
    this.#context = context
    socket.setTimeout(context.times.requestMs)
    own(socket, this, context.reads)
  }

  /** Whether a request is being answered. */
  get isBusy(): boolean {
    return this.isSending || this.#isWaiting || this.#way === 'detour'
  }

  /** The connection is back, with nothing of it read: the request that made the detour was the last. */
  onAnswered(): void {
    const detour = this.#detour
    if (this.#way !== 'detour' || detour === undefined || detour.destroyed || detour.writableEnded) return
    this.#way = 'fast'
    this.#becomeIdle()
    if (this.#context.isDraining) this.connection.destroy()
  }

  onDetourClosed(): void {
    this.#detour = undefined
    if (this.#way !== 'fast') this.connection.destroy()
  }

  /** Takes bytes that came before, while somebody else had the connection, and their turn. */
  goOnWith(bytes: Buffer): void {
    this.#take(bytes, bytes.length, false, performance.now())
  }

  /** Takes what has come; its buffer may be used again after the call. */
  onBytes(bytes: Buffer, count: number, isJustRead: boolean): void {
    this.#take(bytes, count, isJustRead)
  }

  /** @param askedAt when what had to wait for its turn came, and it has it now: then all of the buffer is it, and stays as it is */
  #take(bytes: Buffer, count: number, isJustRead: boolean, askedAt?: number): void {
    if (this.#way === 'ended' || this.connection.destroyed) return
    if (this.#way !== 'fast') return this.#passOn(copyOf(bytes, count))
    if (this.isBusy) return this.#keep(copyOf(bytes, count))
    const request = this.#context.requests.read(bytes, count)
    const reply = request && this.#context.peek(request.target, request.headers.host, isJustRead)
    const mayAnswer = askedAt !== undefined || (request !== undefined && !isMuchWork(request))
    const answer = request && reply && mayAnswer ? findAnswer(request, reply, this.#context) : undefined
    if (request === undefined || reply === undefined || answer === undefined) {
      if (askedAt === undefined) return this.#waitForTurn(this.#context.copies.copyOf(bytes, count))
      if (request === undefined || (reply === undefined && !isPlainTarget(request.target)))
        return this.#handOver(bytes)
      return this.#look(request, reply, bytes, askedAt)
    }
    this.#begin(request, answer, reply, askedAt)
    const isInMemory = answer.bytes !== undefined && (answer.plan?.pieces.length ?? 1) === 1
    if (reply.kind === 'text' || answer.body === undefined || isInMemory) return this.#sendMemory(answer)
    this.#sendChunks(copyOf(bytes, count), reply, answer.body, answer).catch(() => {
      // What cannot even be told of breaks this connection and no other.
      this.connection.destroy()
    })
  }

  /** Whether nothing was asked on it yet. */
  get isFresh(): boolean {
    return !this.#isIdle && !this.isBusy
  }

  /** What is much work, no hit or not simple has a turn for itself, when what else has come by now is answered. */
  #waitForTurn(request: Buffer): void {
    const askedAt = performance.now()
    this.#isWaiting = true
    this.#context.content.turns.call(() => {
      this.#isWaiting = false
      this.#take(request, request.length, false, askedAt)
    })
  }

  /**
   * Answers what is not warm, or never will be. To look, and to say that there is nothing, of which anybody can ask for any number, have a turn
   * each; what names something goes on at once.
   */
  #look(request: SimpleRequest, known: RollingReply | undefined, bytes: Buffer, askedAt: number): void {
    const { cold, content } = this.#context
    if (cold !== undefined && known?.kind === 'file')
      return this.#answerCold(this.#beginCold(request, askedAt, cold), known, cold)
    const looking = known === undefined ? cold?.lookUp(request.target) : undefined
    if (cold === undefined || looking === undefined) return this.#makeDetour(bytes)
    this.#isWaiting = true
    const answer = (found: FileReply | PinyonError | undefined) => {
      this.#isWaiting = false
      if (this.#way === 'ended' || this.connection.destroyed) return
      if (found === undefined) return this.#makeDetour(bytes)
      const exchange = this.#beginCold(request, askedAt, cold)
      if (found instanceof PinyonError) exchange.fail(found)
      else this.#answerCold(exchange, found, cold)
    }
    void looking.then((found) =>
      found instanceof PinyonError ? content.turns.call(() => answer(found)) : answer(found),
    )
  }

  #answerCold(exchange: FastExchange, file: FileReply, { content }: ColdAnswers): void {
    this.#beginToWait()
    void exchange.answer(file, content)
  }

  #beginCold(request: SimpleRequest, startedAt: number, cold: ColdAnswers): FastExchange {
    const context = this.#context
    this.isSending = true
    return (this.exchange = new FastExchange(request, {
      socket: this.connection,
      context,
      id: cold.name(request.id),
      client: context.clientOf(this.#peer, request.headers.forwardedFor),
      startedAt,
      onEnd: (ended) => {
        this.exchange = undefined
        this.endedAt = ended.endedAt
        this.#release()
        cold.onEnd(ended)
        if (!this.connection.destroyed) this.#leaveOrGoOn(ended.keepsAlive)
      },
    }))
  }

  #begin(request: SimpleRequest, answer: FastAnswer, reply: RollingReply, askedAt?: number): void {
    const { headers, id } = request
    // The first of a connection: from here on it is idle between requests, unless there is to be no other.
    if (!this.#isIdle && headers.keepsAlive) this.#becomeIdle()
    const now = performance.now()
    this.#begunAt = now
    this.startedAt = askedAt ?? now
    this.headAt = undefined
    this.error = undefined
    const named = this.#context.nameHit(now, id)
    this.isLogged = named !== undefined
    this.id = named ?? id
    // As it is remembered: the one that came is a part of a text that would be kept with it.
    this.target = answer.prepared.target
    const client = this.#context.clientOf(this.#peer, headers.forwardedFor)
    if (headers !== this.headers || client !== this.client) this.speaker = undefined
    this.client = client
    this.headers = headers
    this.snapshot = reply.snapshot
    this.packageName = reply.kind === 'file' ? reply.packageName : undefined
    this.outcome = answer.prepared.outcome
    this.bytes = 0
    this.answer = answer.prepared
    this.isSending = true
    this.#body = answer.body
  }

  #sendMemory(answer: FastAnswer): void {
    const socket = this.connection
    const { prepared, plan } = answer
    const bytes = bytesOf(answer)
    const first = bytes.length <= ONE_PIECE_BYTES ? bytes : bytes.subarray(0, PIECE_BYTES)
    const isTaken = this.#context.writes.write(socket, this.#head(prepared, plan, this.#begunAt), first)
    // The usual case: the kernel has taken all of it by now.
    if (first.length === bytes.length && isTaken) {
      this.bytes = first.length
      return this.#finish()
    }
    this.#beginToWait()
    this.#writeSlowly().sendRest(bytes, first.length, (count) => {
      if (!this.isSending) return
      this.bytes = count
      if (count === bytes.length) this.#finish()
    })
  }

  async #sendChunks(request: Buffer, file: FileReply, body: Body, answer: FastAnswer): Promise<void> {
    const { prepared, plan } = answer
    const { content } = this.#context
    this.#beginToWait()
    const planned = plan ?? planWhole(prepared.size, file.contentType)
    const chunks = bodyChunks(body, planned, content.chunks)
    const slow = this.#writeSlowly()
    // Hundreds of ranges, maybe: they are put together in one turn, and given to the kernel in another.
    const isMuch = planned.pieces.length > 1
    try {
      if (isMuch) await content.turns.take()
      for await (const chunk of chunks) {
        if (isMuch) await content.turns.take()
        // Not before there is a byte to send: until then somebody else can still make another answer of it.
        const nowMs = performance.now()
        const head = this.headAt === undefined ? this.#head(prepared, plan, nowMs) : undefined
        this.headAt ??= nowMs
        if (!(await slow.write(chunk, head))) return
        this.bytes += chunk.length
      }
    } catch (error) {
      await content.dropUnreadable(file, error)
      return this.#fail(request, error)
    }
    this.#finish()
  }

  #head(prepared: PreparedAnswer, plan: BodyPlan | undefined, nowMs: number): Buffer {
    const keepsAlive = this.headers?.keepsAlive === true
    return this.#context.answers.head(prepared, plan, keepsAlive, nowMs, this.id)
  }

  #writeSlowly(): SlowWrites {
    return (this.#slow ??= new SlowWrites(this.connection))
  }

  #fail(request: Buffer, error: unknown): void {
    if (this.connection.destroyed) return
    if (this.headAt === undefined) {
      this.#release()
      return this.#makeDetour(request)
    }
    // A client must see that the body is not whole.
    this.error = toPinyonError(error)
    this.outcome = this.error.kind.outcome
    this.connection.destroy()
  }

  #finish(): void {
    this.#end()
    this.#release()
    this.#leaveOrGoOn(this.headers?.keepsAlive === true)
  }

  #leaveOrGoOn(keepsAlive: boolean): void {
    if (keepsAlive && !this.#hasEnded && !this.#context.isDraining) return this.#goOn()
    // What else it has sent is not answered.
    this.#way = 'ended'
    // Where the kernel has all of the answer, closing says the same to the client as shutting down first, and costs one call less.
    if (this.connection.writableLength === 0) this.connection.destroy()
    else this.connection.destroySoon()
  }

  #end(): void {
    this.endedAt = performance.now()
    // What went out in one piece had its first byte with the last one.
    if (this.outcome === this.answer?.outcome) this.headAt ??= this.endedAt
    this.#context.onEnd(this)
  }

  #release(): void {
    this.#body?.release()
    this.#body = undefined
    this.isSending = false
  }

  /** Until its answer is sent nothing more is read than what has come by now: it waits in the kernel. */
  #keep(bytes: Buffer): void {
    this.#next = this.#next === undefined ? bytes : Buffer.concat([this.#next, bytes])
    this.connection.pause()
  }

  #goOn(): void {
    if (!this.#isIdle) this.#becomeIdle()
    const next = this.#next
    if (next === undefined) return
    this.#next = undefined
    // Not within what has just been written, and before what waits behind it.
    process.nextTick(() => this.#take(next, next.length, false))
    this.connection.resume()
  }

  #beginToWait(): void {
    this.#isIdle = false
    this.connection.setTimeout(this.#context.times.idleMs)
  }

  #becomeIdle(): void {
    this.#isIdle = true
    const { keepAliveMs, marginMs } = this.#context.times
    this.connection.setTimeout(keepAliveMs + marginMs)
  }

  /** Has node:http answer this request. */
  #makeDetour(request: Buffer): void {
    this.#detour ??= this.#context.openDetour(this, this.connection)
    if (this.#detour === undefined) return this.#handOver(request)
    this.#way = 'detour'
    this.#isIdle = true
    this.#detour.push(request)
    const next = this.#next
    if (next !== undefined) {
      this.#next = undefined
      this.connection.resume()
      this.#passOn(next)
    }
    if (this.#hasEnded) this.#detour?.push(null)
  }

  /** Sends what came after a request that makes the detour the same way: how node:http reads that cannot be known from outside. */
  #passOn(bytes: Buffer): void {
    if (this.#way === 'detour') {
      this.#way = 'node'
      this.#context.onClose(this)
    }
    if (this.#detour?.push(bytes) === false) this.connection.pause()
  }

  #handOver(bytes: Buffer): void {
    const next = this.#next
    this.#next = undefined
    const socket = this.detach()
    const all = next === undefined ? bytes : Buffer.concat([bytes, next])
    if (this.#context.handOver(this, socket, all)) this.#context.copies.giveBack(bytes)
    // That comes only once, and came while it waited for its turn.
    if (this.#hasEnded) socket.emit('end')
  }

  /** Lets go of the connection, which must not be busy. */
  detach(): Socket {
    const socket = this.connection
    this.#way = 'fast'
    this.#detour?.destroy()
    disown(socket, this.#context.reads)
    socket.setTimeout(0)
    return socket
  }

  onEnd(): void {
    this.#hasEnded = true
    if (this.#way === 'detour' || this.#way === 'node') this.#detour?.push(null)
    else if (!this.isBusy) this.connection.end()
    else if (this.#context.isDraining && this.exchange?.hasBegun === false) this.connection.destroy()
  }

  onTimeout(): void {
    if (this.#way === 'detour' || this.#way === 'node') return void this.#detour?.emit('timeout')
    if (this.#way === 'fast' && !this.#isIdle && !this.isBusy) this.connection.write(SENT_NOTHING)
    this.connection.destroy()
  }

  onClose(): void {
    this.#slow?.stop()
    this.exchange?.gone()
    if (this.isSending) {
      if (this.error === undefined) this.outcome = 'aborted'
      this.#end()
      this.#release()
    }
    this.#detour?.destroy()
    this.#context.onClose(this)
  }
}

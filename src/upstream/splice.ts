import { PinyonError } from '../model/errors.ts'
import { Patience } from '../system/patience.ts'
import { withinMs } from '../system/within-ms.ts'

/** A body, or the rest of one. */
export interface BodyPart {
  /** Where its first byte is in the file; 0 where the whole came although a rest was asked for. */
  readonly offset: number
  readonly body: AsyncIterable<Uint8Array>
}

/** How a body goes on when it does not. */
export interface SpliceOptions {
  /** Bytes of the whole file, where that is known: a body that ends before is not the end. */
  readonly size: number | undefined
  /**
   * Opens the file from an offset on, at another source rather. Rejects when nobody gives it.
   * @param signal ends the asking, and what it gives
   */
  readonly reopen: (offset: number, signal: AbortSignal) => Promise<BodyPart>
  /** Told of a part that was given up because it gave nothing, or too little, for too long. */
  readonly onSlow: (message: string) => void
  /** Told whether a body that came whole from where it began was right. */
  readonly onJudged: (isRight: boolean) => void
  /** Whether somebody else may be faster. */
  readonly hasOthers: () => boolean
  /** Lets bytes go on when they may; that is no time of the source's. */
  readonly pass?: (bytes: number) => Promise<void> | undefined
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
  readonly signal: AbortSignal | undefined
}

/** Without a byte for so long, another source is asked beside: dnf gives up after 30 s with less than 1000 B/s, in milliseconds. */
const STALL_MS = 10_000
/** When all bytes are there, the end is waited for so long, in milliseconds: a server that announced too many may never come to it. */
const END_MS = 1_000
/** Less than this on average over that time is as good as nothing, where there are others: twice what clients want. */
const MIN_BYTES_PER_SECOND = 2_000

/** Times that a body may be taken up again: so many, one more for each MiB, and not often without a byte in between. */
const MAX_RESUMES = 8
const MAX_IDLE_RESUMES = 2

/** Bytes before the rest that are asked for once more: a part of another file, or from elsewhere in it, shows at once. */
const OVERLAP_BYTES = 1 << 10

type Step = IteratorResult<Uint8Array, unknown> | { readonly error: unknown }

const DONE = { done: true, value: undefined } as const

/**
 * The bytes of a body, whatever becomes of the connection: when it breaks off, ends early, stalls or trickles, the rest is asked for from
 * where it stopped, there or elsewhere. That all parts are of one file is for the digest to say.
 */
export class SplicedBody implements AsyncIterableIterator<Uint8Array> {
  readonly #options: SpliceOptions
  readonly #patience = new Patience(STALL_MS)
  #part: PartReader
  /** Bytes handed out, each once. */
  #offset = 0
  /** The last of them. */
  #tail: Buffer = Buffer.alloc(0)
  #resumes = 0
  #idleResumes = 0
  #waitedMs = 0
  #windowBytes = 0
  /** Bytes that were handed out last, and not looked at yet. */
  #lastBytes = 0
  #isOver = false

  constructor(first: AsyncIterable<Uint8Array>, options: SpliceOptions) {
    this.#options = options
    this.#part = new PartReader({ offset: 0, body: first }, 0, this.#tail)
  }

  /** Says, once it is known, whether the bytes were right. Of a body from several places it says nothing of any of them. */
  judge(isRight: boolean): void {
    if (this.#resumes === 0) this.#options.onJudged(isRight)
  }

  /** One call at a time. */
  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#isOver) return DONE
    try {
      if (this.#isTooSlow()) await this.#resume()
      const chunk = await this.#next()
      if (chunk === undefined) return await this.return()
      this.#offset += chunk.length
      this.#lastBytes = chunk.length
      this.#tail = lastBytes(this.#tail, chunk)
      this.#idleResumes = 0
      const passing = this.#options.pass?.(chunk.length)
      if (passing !== undefined) await passing
      return { done: false, value: chunk }
    } catch (error) {
      await this.return()
      throw error
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#isOver = true
    this.#patience.end()
    this.#part.giveUp()
    return DONE
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async #next(): Promise<Uint8Array | undefined> {
    while (!this.#isOver) {
      const { size, signal } = this.#options
      if (size !== undefined && this.#offset >= size) return await this.#surplus()
      const step = await this.#step()
      signal?.throwIfAborted()
      if ('error' in step) {
        if (!(await this.#resume())) throw step.error
      } else if (step.done !== true) {
        if (step.value.length > 0) return step.value
      } else if (size === undefined || !(await this.#resume())) return undefined
    }
    return undefined
  }

  /** What comes behind the last byte that there should be; undefined when nothing does, however the connection ends, or does not. */
  async #surplus(): Promise<Uint8Array | undefined> {
    const step = await withinMs(this.#part.peek(), END_MS)
    this.#options.signal?.throwIfAborted()
    if (step === undefined || 'error' in step || step.done === true) return undefined
    this.#part.take()
    return step.value
  }

  /** The next step of the part that is read; when that stalls, of another one that was faster. */
  async #step(): Promise<Step> {
    const askedAt = this.#options.now()
    let step = await this.#patience.within(this.#part.peek())
    while (step === undefined) {
      await this.#overtake()
      step = await this.#patience.within(this.#part.peek())
    }
    this.#part.take()
    this.#waitedMs += this.#options.now() - askedAt
    return step
  }

  /** Asks for the rest beside a part that has stalled, and goes on with whichever gives a byte first. */
  async #overtake(): Promise<void> {
    if (!this.#mayResume()) return
    const stop = new AbortController()
    const rival = this.#openWithByte(stop.signal)
    const winner = await Promise.race([rival.catch(() => undefined), this.#part.peek().then(() => undefined)])
    if (winner === undefined) {
      stop.abort()
      rival.then((part) => part.giveUp()).catch(() => undefined)
    } else {
      this.#options.onSlow(`sent nothing for ${STALL_MS / 1000} s`)
      this.#goOnWith(winner)
    }
  }

  /** An answer's head is no byte. */
  async #openWithByte(stop: AbortSignal): Promise<PartReader> {
    const part = await this.#open(stop)
    const step = await part.peek()
    if ('error' in step) throw step.error
    return part
  }

  /** Goes on with the rest from elsewhere; false when that cannot be had. */
  async #resume(): Promise<boolean> {
    if (!this.#mayResume()) return false
    try {
      this.#goOnWith(await this.#open())
      return true
    } catch {
      this.#options.signal?.throwIfAborted()
      return false
    }
  }

  #mayResume(): boolean {
    const allowed = MAX_RESUMES + (this.#offset >> 20)
    return !this.#isOver && this.#resumes < allowed && this.#idleResumes < MAX_IDLE_RESUMES
  }

  async #open(stop?: AbortSignal): Promise<PartReader> {
    this.#resumes += 1
    this.#idleResumes += 1
    const { reopen, signal } = this.#options
    const signals = [signal, stop].filter((one) => one !== undefined)
    const from = this.#offset - this.#tail.length
    return new PartReader(await reopen(from, AbortSignal.any(signals)), from, this.#tail)
  }

  #goOnWith(part: PartReader): void {
    this.#part.giveUp()
    this.#part = part
    this.#waitedMs = 0
    this.#windowBytes = 0
  }

  /** Whether what is read trickles though others may do better; the time of whoever reads does not count. */
  #isTooSlow(): boolean {
    this.#windowBytes += this.#lastBytes
    this.#lastBytes = 0
    if (this.#waitedMs < STALL_MS) return false
    const bytesPerSecond = (this.#windowBytes * 1000) / this.#waitedMs
    this.#waitedMs = 0
    this.#windowBytes = 0
    if (!this.#options.hasOthers() || bytesPerSecond >= MIN_BYTES_PER_SECOND || !this.#mayResume())
      return false
    this.#options.onSlow(`sends too slowly: ${Math.floor(bytesPerSecond)} bytes/s`)
    return true
  }
}

/** Reads a part, step by step, from what other parts have given on. */
class PartReader {
  readonly #iterator: AsyncIterator<Uint8Array>
  /** Bytes before those that are known. */
  #skip: number
  /** Bytes that another part has given, and this one has to give as well. */
  #known: Buffer
  #next: Promise<Step> | undefined
  #isGivenUp = false

  /** @param from where in the file the known bytes begin */
  constructor({ offset, body }: BodyPart, from: number, known: Buffer) {
    this.#iterator = body[Symbol.asyncIterator]()
    this.#skip = from - offset
    this.#known = known
  }

  /** The next step; the same one until it is taken. */
  peek(): Promise<Step> {
    return (this.#next ??= this.#read())
  }

  take(): void {
    this.#next = undefined
  }

  giveUp(): void {
    if (this.#isGivenUp) return
    this.#isGivenUp = true
    Promise.resolve(this.#iterator.return?.()).catch(() => undefined)
  }

  #read(): Promise<Step> {
    return this.#iterator.next().then(this.#take).catch(toFailure)
  }

  readonly #take = (step: IteratorResult<Uint8Array, unknown>): Step | Promise<Step> => {
    if (step.done === true || (this.#skip === 0 && this.#known.length === 0 && step.value.length > 0))
      return step
    const value = this.#withoutKnown(step.value)
    return value.length > 0 ? { done: false, value } : this.#readOn()
  }

  /** In a loop: of pieces that are left out each would else be a promise that waits for the next one, and they may be millions. */
  async #readOn(): Promise<Step> {
    for (;;) {
      const step = await this.#iterator.next()
      if (step.done === true) return step
      const value = this.#withoutKnown(step.value)
      if (value.length > 0) return { done: false, value }
    }
  }

  #withoutKnown(bytes: Uint8Array): Uint8Array {
    const rest = bytes.subarray(this.#skip)
    this.#skip = Math.max(0, this.#skip - bytes.length)
    const common = Math.min(rest.length, this.#known.length)
    if (this.#known.compare(rest, 0, common, 0, common) !== 0)
      throw new PinyonError('UPSTREAM_SHORT', 'the rest of a body is not of the file that it began with')
    this.#known = this.#known.subarray(common)
    return rest.subarray(common)
  }
}

function toFailure(error: unknown): Step {
  return { error }
}

function lastBytes(before: Buffer, chunk: Uint8Array): Buffer {
  // Copied: a chunk may be a view of much more.
  if (chunk.length >= OVERLAP_BYTES) return Buffer.from(chunk.subarray(-OVERLAP_BYTES))
  return Buffer.concat([before, chunk]).subarray(-OVERLAP_BYTES)
}

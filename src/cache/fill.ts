import { setImmediate as nextTurn } from 'node:timers/promises'

import { PinyonError, toPinyonError } from '../model/errors.ts'
import type { Claim, Claims } from '../system/claims.ts'
import { giveBack } from '../system/pieces.ts'
import { Signal } from '../system/signal.ts'
import type { BlobStore, BlobWriter, ExpectedBlob, PartialBlob } from './blob-store.ts'
import { FillAttempt } from './fill-attempt.ts'
import { FillOpening } from './fill-opening.ts'
import { FillReader } from './fill-reader.ts'
import { FillStory, type FillReport, type FillSubject } from './fill-story.ts'
import { FillSources } from './fill-sources.ts'
import type { Loans } from './lent-piece.ts'
import type { FillBody, FillSource } from './source-race.ts'

/** What a fill needs beside its sources. */
export interface FillContext {
  readonly blobs: BlobStore
  readonly claims: Pick<Claims, 'tryClaim' | 'find'>
  /** Longest body of a blob whose size the listing does not say, in bytes. */
  readonly maxUnlistedBytes: number
  /** Of all fills. */
  readonly loans: Loans
  /** Told once, when the fill has ended: without an error when the blob is stored. */
  readonly onEnd: (fill: Fill, error?: PinyonError) => void
}

/** A wrong or short body is fetched whole once more, and from every further host there is, up to so many. */
const MIN_ATTEMPTS = 2
const MAX_ATTEMPTS = 8

/** How often the growth of a fill that another process does is looked at, in milliseconds. */
const FOLLOW_INTERVAL_MS = 10

/**
 * A fill that another process does is done here as well once it has not grown for so long, in milliseconds: longer than it takes that one to ask
 * another source in place of one that stalls, and shorter than clients wait.
 */
const FOLLOW_PATIENCE_MS = 15_000

/** What a fill is done with that another process claims and does not get on with. */
const UNCLAIMED: Claim = { note: () => undefined, release: () => undefined }

/**
 * What tells fills apart, in a process and between processes: the digest and the listed size. Of two listings that give one digest
 * different sizes one is wrong, and must not fail the other's fill.
 */
export function fillName({ digest, size }: ExpectedBlob): string {
  return size === undefined ? `fill ${digest}` : `fill ${digest} ${size}`
}

/**
 * One download of one blob. It belongs to no client: it goes on when the one that began it has left, and everybody, that one
 * included, reads the growing file. Between processes it is one as well: who holds the claim downloads, the others follow its file,
 * unless that process has stopped in the middle of it.
 */
export class Fill {
  readonly expected: ExpectedBlob
  readonly #context: FillContext
  readonly #sources = new FillSources()
  readonly #abort = new AbortController()
  readonly #changed = new Signal()
  #attempt: FillAttempt | undefined
  #state: 'filling' | 'verified' | 'failed' = 'filling'
  #failure: PinyonError | undefined
  #readers = 0
  #end: 'stored' | PinyonError | undefined
  readonly #attempts: FillAttempt[] = []
  readonly #story: FillStory

  constructor(expected: ExpectedBlob, context: FillContext, subject?: FillSubject) {
    this.expected = expected
    this.#context = context
    this.#story = new FillStory(subject)
  }

  /** How many read it beside the one that began it. */
  get followers(): number {
    return Math.max(0, this.#readers - 1)
  }

  /** How it went so far. */
  get report(): FillReport {
    return this.#story.report()
  }

  /** Adds a source, once an origin, to those that may be asked. There must be one before the fill runs. */
  addSource(origin: string, source: FillSource): void {
    this.#sources.add(origin, source)
  }

  /** Runs the download to its end. Never rejects: readers are told. */
  async run(): Promise<void> {
    let failure = await this.#fill()
    // From the last look to the end in one go: nobody joins with a source that will not be asked.
    while (failure !== undefined && this.#canAskOthers(failure)) failure = await this.#fill()
    // Verified bytes were right even if storing them failed: readers finish.
    if (failure !== undefined && this.#state === 'filling') this.#setState('failed', failure)
    this.#end = failure ?? 'stored'
    this.#context.onEnd(this, failure)
    this.#changed.notify()
    if (this.#readers === 0) await this.#closeAttempts()
  }

  /** Stops the download; readers get SHUTTING_DOWN. */
  abort(): void {
    this.#abort.abort(new PinyonError('SHUTTING_DOWN', 'the server is shutting down'))
  }

  /** Begins to read. */
  open(): FillReader {
    this.#readers += 1
    this.#story.noteReaders(this.#readers)
    return new FillReader(this.expected.digest, {
      attempt: () => this.#attempt,
      state: () => this.#state,
      failure: () => this.#failure,
      end: () => this.#end,
      changed: () => this.#changed.wait(),
      release: () => this.#release(),
    })
  }

  /** Downloads or follows until the blob is there, or returns why it will not be. */
  async #fill(): Promise<PinyonError | undefined> {
    try {
      // Whoever asks has looked for the blob just before.
      do {
        this.#abort.signal.throwIfAborted()
        const { blobs, claims } = this.#context
        const location = blobs.nextLocation?.()
        const claim = claims.tryClaim(fillName(this.expected), location)
        if (claim !== undefined) await this.#download(claim, location)
        else if (!(await this.#follow())) await this.#download(UNCLAIMED, undefined)
      } while (!(await this.#adopt()))
      return undefined
    } catch (error) {
      // What a stop breaks off fails in many ways, and all of them mean the stop.
      return this.#abort.signal.aborted ? (this.#abort.signal.reason as PinyonError) : toPinyonError(error)
    }
  }

  /** Whether a source that came too late for the last attempt may do better: not with our own trouble, nor after a stop. */
  #canAskOthers(failure: PinyonError): boolean {
    return failure.kind.outcome !== 'error_internal' && this.#sources.hasUnasked
  }

  #release(): void {
    this.#readers -= 1
    if (this.#readers === 0 && this.#end !== undefined) void this.#closeAttempts()
  }

  #setState(state: 'verified' | 'failed', failure?: PinyonError): void {
    this.#state = state
    this.#failure = failure
    this.#changed.notify()
  }

  /** Whether the blob is there by now: another process may have stored it. */
  async #adopt(): Promise<boolean> {
    if (this.#state === 'verified') return true
    const blob = await this.#context.blobs.open(this.expected.digest)
    if (blob === undefined) return false
    const complete: PartialBlob = {
      written: () => Promise.resolve(blob.size),
      read: (target, position) => blob.read(target, position),
      close: async () => blob.close(),
    }
    await this.#begin(complete).grow(blob.size)
    this.#setState('verified')
    return true
  }

  #begin(bytes: BlobWriter | PartialBlob): FillAttempt {
    const attempt = new FillAttempt(bytes, this.#context.loans, [...this.#attempts])
    this.#attempts.push(attempt)
    this.#attempt = attempt
    this.#changed.notify()
    return attempt
  }

  /** @param location where the first attempt's bytes go, which the claim says already */
  async #download(claim: Claim, location: string | undefined): Promise<void> {
    try {
      // Between looking for the blob and claiming it, its last owner may have finished.
      const isThere = this.#context.blobs.lacks?.(this.expected.digest) !== true && (await this.#adopt())
      if (isThere) return
      for (let number = 0; this.#state === 'filling'; number += 1) {
        await this.#try(number, claim, number === 0 ? location : undefined)
      }
    } finally {
      claim.release()
    }
  }

  /** One attempt; returns without the blob being verified when another one is worth it. */
  async #try(number: number, claim: Claim, location: string | undefined): Promise<void> {
    const opening = new FillOpening(this.#sources, this.#abort.signal, (step) => this.#story.note(step))
    try {
      // Not before there is room: a body that nobody can store would hold its connection. But while the file is made.
      const writer = await this.#context.blobs.create(this.expected, () => opening.begin(), location)
      try {
        const attempt = this.#begin(writer)
        if (writer.location !== location) claim.note(writer.location)
        await this.#receive(opening, { writer, attempt, number })
      } finally {
        await writer.discard()
      }
    } finally {
      opening.end()
    }
  }

  async #receive(
    opening: FillOpening,
    { writer, attempt, number }: { writer: BlobWriter; attempt: FillAttempt; number: number },
  ): Promise<void> {
    const body = await opening.take()
    try {
      await this.#store(body, writer, attempt)
    } catch (error) {
      const failure = toPinyonError(error)
      const attempts = Math.min(Math.max(MIN_ATTEMPTS, this.#sources.places), MAX_ATTEMPTS)
      const again = failure.kind.retryable && number + 1 < attempts && !this.#abort.signal.aborted
      if (!again) throw failure
    }
  }

  async #store(body: FillBody, writer: BlobWriter, attempt: FillAttempt): Promise<void> {
    for await (const chunk of body) {
      this.#abort.signal.throwIfAborted()
      this.#story.noteByte()
      const isFirst = attempt.written === 0
      const end = attempt.written + chunk.length
      this.#checkLength(end)
      // The first piece shows that it can be stored at all: until then another answer can be made of that it cannot.
      const isShown = !isFirst && this.#fits(end) && attempt.receive(chunk)
      if (!isShown) {
        await writer.write(chunk)
        const isHeld = isFirst && attempt.receive(chunk)
        if (!isHeld) {
          await attempt.grow(end)
          giveBack(chunk)
        }
      }
      this.#changed.notify()
      // It is on its way to the client before it is hashed.
      await nextTurn()
      if (isShown) await writer.append(chunk)
    }
    this.#judge(body, writer)
    this.#setState('verified')
    // The end as well, before the thread that writes is woken.
    await nextTurn()
    await writer.publish()
    attempt.leaveMemory()
  }

  #judge(body: FillBody, writer: BlobWriter): void {
    try {
      writer.verify()
    } catch (error) {
      body.judge?.(false)
      throw error
    }
    body.judge?.(true)
  }

  #fits(bytes: number): boolean {
    return bytes <= (this.expected.size ?? Infinity)
  }

  /** The writer holds a listed size against the body; without one, an endless body must not fill the disk. */
  #checkLength(bytes: number): void {
    const { digest, size } = this.expected
    const { maxUnlistedBytes } = this.#context
    if (size === undefined && bytes > maxUnlistedBytes)
      throw new PinyonError(
        'UPSTREAM_OVERSIZE',
        `${digest} is longer than allowed: ${maxUnlistedBytes} bytes`,
      )
  }

  /** Follows the file another process writes, until that process ends its claim. @returns false when it does not get on with it */
  async #follow(): Promise<boolean> {
    const name = fillName(this.expected)
    let grownAt = performance.now()
    let location = ''
    let attempt: FillAttempt | undefined
    let partial: PartialBlob | undefined
    for (;;) {
      this.#abort.signal.throwIfAborted()
      const holder = this.#context.claims.find(name)
      if (holder === undefined) return true
      if (holder.detail !== '' && holder.detail !== location) {
        // Of a file that is still to be made there is nothing to follow yet.
        const opened = await this.#context.blobs.openPartial(holder.detail)
        if (opened !== undefined) {
          location = holder.detail
          partial = opened
          attempt = this.#begin(opened)
        }
      }
      if (attempt !== undefined && partial !== undefined) {
        const written = await partial.written()
        if (written > attempt.written) {
          grownAt = performance.now()
          await attempt.grow(written)
          this.#changed.notify()
        }
      }
      if (performance.now() - grownAt >= FOLLOW_PATIENCE_MS) return false
      await new Promise((resolve) => setTimeout(resolve, FOLLOW_INTERVAL_MS))
    }
  }

  /** Never rejects: nobody waits for these files, and nothing in them can be lost. */
  async #closeAttempts(): Promise<void> {
    await Promise.allSettled(this.#attempts.splice(0).map((attempt) => attempt.close()))
  }
}

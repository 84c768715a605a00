import type { EndedRequest } from '../../http/ended-request.ts'
import { PinyonError, type ErrorCode } from '../../model/errors.ts'
import { METRICS } from '../../system/metric-table.ts'
import { FIRST_BYTE_MS } from '../../system/traffic.ts'

/** What requests of the same answer have in common. */
export type SharedAnswer = Pick<
  EndedRequest,
  'method' | 'target' | 'status' | 'outcome' | 'snapshot' | 'packageName' | 'note'
>

/** Who asked. */
export interface Speaker {
  readonly client: string | undefined
  readonly userAgent: string | undefined
}

/** Requests that have ended in a worker, in a form that costs little to send: those of which the log tells in the order of their ends, and sums of the others. */
export interface EndedBatch {
  readonly answers: readonly SharedAnswer[]
  readonly speakers: readonly Speaker[]
  /** {@link ROW} numbers a request: index of its answer, of its speaker, milliseconds, those to the first byte or NaN, bytes. */
  readonly rows: Float64Array
  /** {@link SUM} numbers for requests that are alike: index of their answer, of their speaker, how many, and of all together what a row has of one. */
  readonly sums: Float64Array
  /** By the number of their request, ids of those of which a line of the log tells. */
  readonly ids: ReadonlyMap<number, string>
  /** Errors by the number of their request. */
  readonly errors: ReadonlyMap<number, { readonly code: ErrorCode; readonly message: string }>
  /** Requests that could not be kept, as the first process has read nothing for long. */
  readonly dropped: number
}

const ROW = 5
const SUM = 6
/** Rows and sums that are kept at most: some ten seconds of a first process that does not read. */
const MAX_KEPT = 500_000

/** Where whoever counts times to the first byte tells them apart, in milliseconds. Within two of these the mean stands for all. */
const BOUNDS_MS = [
  ...new Set([...FIRST_BYTE_MS, ...METRICS.first_byte_seconds.buckets.map((seconds) => seconds * 1_000)]),
].toSorted((a, b) => a - b)
const NO_FIRST_BYTE = BOUNDS_MS.length + 1
const BUCKETS = NO_FIRST_BYTE + 1

/** A request as a worker has answered it. */
export interface WorkerRequest extends EndedRequest {
  /** What it was answered with: the same object for the same answer, as long as it ended as it was to. */
  readonly answer?: { readonly outcome: EndedRequest['outcome'] } | undefined
}

/** Collects the requests of a worker that have ended. */
export class EndedRequests {
  #answers: SharedAnswer[] = []
  readonly #answerIndex = new Map<string, number>()
  #speakers: Speaker[] = []
  readonly #speakerIndex = new Map<string, number>()
  readonly #connections = new Map<object, number>()
  readonly #rows = new NumberTable(ROW)
  readonly #sums = new NumberTable(SUM)
  /** Where the sums of an answer begin, by speaker and bucket. */
  readonly #sumsOf = new Map<object, Map<number, number>>()
  #ids = new Map<number, string>()
  #errors = new Map<number, { readonly code: ErrorCode; readonly message: string }>()
  #dropped = 0

  /** Rows and sums that wait. */
  get size(): number {
    return this.#rows.count + this.#sums.count
  }

  /**
   * Adds one.
   * @param isLogged whether a line of the log is to tell of it if it has gone well
   * @returns whether there is more to tell now: one that is like others only makes them more
   */
  add(ended: WorkerRequest, isLogged: boolean): boolean {
    const { answer, outcome, error } = ended
    if (!isLogged && error === undefined && answer !== undefined && outcome === answer.outcome)
      return this.#addUp(ended, answer)
    if (this.size >= MAX_KEPT) return this.#drop()
    const number = this.#rows.count
    this.#rows.add(
      this.#answerOf(ended),
      this.#speakerOf(ended),
      ended.endedAt - ended.startedAt,
      ended.headAt === undefined ? Number.NaN : ended.headAt - ended.startedAt,
      ended.bytes,
    )
    if (ended.id !== undefined) this.#ids.set(number, ended.id)
    if (error !== undefined) this.#errors.set(number, { code: error.code, message: error.message })
    return true
  }

  /** What was added since this was asked last. */
  take(): EndedBatch {
    const batch = {
      answers: this.#answers,
      speakers: this.#speakers,
      rows: this.#rows.take(),
      sums: this.#sums.take(),
      ids: this.#ids,
      errors: this.#errors,
      dropped: this.#dropped,
    }
    this.#answers = []
    this.#answerIndex.clear()
    this.#speakers = []
    this.#speakerIndex.clear()
    this.#connections.clear()
    this.#sumsOf.clear()
    this.#ids = new Map()
    this.#errors = new Map()
    this.#dropped = 0
    return batch
  }

  #addUp(ended: WorkerRequest, answer: object): boolean {
    const { startedAt, headAt, endedAt, bytes } = ended
    const speaker = this.#speakerOf(ended)
    const firstMs = headAt === undefined ? Number.NaN : headAt - startedAt
    let sums = this.#sumsOf.get(answer)
    if (sums === undefined) this.#sumsOf.set(answer, (sums = new Map()))
    const key = speaker * BUCKETS + bucketOf(firstMs)
    const at = sums.get(key)
    if (at !== undefined) {
      const { numbers } = this.#sums
      numbers[at + 2] = (numbers[at + 2] ?? 0) + 1
      numbers[at + 3] = (numbers[at + 3] ?? 0) + endedAt - startedAt
      numbers[at + 4] = (numbers[at + 4] ?? 0) + firstMs
      numbers[at + 5] = (numbers[at + 5] ?? 0) + bytes
      return false
    }
    if (this.size >= MAX_KEPT) return this.#drop()
    sums.set(key, this.#sums.count * SUM)
    this.#sums.add(this.#answerOf(ended), speaker, 1, endedAt - startedAt, firstMs, bytes)
    return true
  }

  #drop(): boolean {
    this.#dropped += 1
    return false
  }

  #answerOf({ method, target, status, outcome, snapshot, packageName, note }: EndedRequest): number {
    const noted = note === undefined ? '' : JSON.stringify(note)
    const key = `${status} ${outcome}${noted} ${target}`
    const known = this.#answerIndex.get(key)
    if (known !== undefined) return known
    this.#answerIndex.set(key, this.#answers.length)
    return this.#answers.push({ method, target, status, outcome, snapshot, packageName, note }) - 1
  }

  #speakerOf({ connection, client, userAgent }: EndedRequest): number {
    const before = this.#connections.get(connection)
    const speaker = before === undefined ? undefined : this.#speakers[before]
    if (before !== undefined && speaker?.userAgent === userAgent && speaker?.client === client) return before
    const key = `${client} ${userAgent}`
    let index = this.#speakerIndex.get(key)
    if (index === undefined) {
      index = this.#speakers.push({ client, userAgent }) - 1
      this.#speakerIndex.set(key, index)
    }
    this.#connections.set(connection, index)
    return index
  }
}

/** Lines of so many numbers. */
class NumberTable {
  readonly #width: number
  numbers: Float64Array
  count = 0

  constructor(width: number) {
    this.#width = width
    this.numbers = new Float64Array(width * 256)
  }

  add(...line: readonly number[]): void {
    const at = this.count * this.#width
    if (at === this.numbers.length) {
      const more = new Float64Array(this.numbers.length * 2)
      more.set(this.numbers)
      this.numbers = more
    }
    this.numbers.set(line, at)
    this.count += 1
  }

  take(): Float64Array {
    const taken = this.numbers.slice(0, this.count * this.#width)
    this.count = 0
    return taken
  }
}

function bucketOf(firstMs: number): number {
  if (Number.isNaN(firstMs)) return NO_FIRST_BYTE
  let bucket = 0
  while (bucket < BOUNDS_MS.length && firstMs > (BOUNDS_MS[bucket] ?? 0)) bucket += 1
  return bucket
}

/** A request of a batch, or several that were alike, by a clock that began with them. */
export interface ReplayedRequest extends EndedRequest {
  readonly answer: SharedAnswer
  readonly speaker: Speaker
  /** Whether it is of those of which the log tells no lines. */
  readonly isSum: boolean
}

/** The requests of a batch: one after the other, and then those that were added up. */
export function* readBatch(batch: EndedBatch): Generator<ReplayedRequest, void, undefined> {
  const { rows, sums, ids, errors } = batch
  const read = (answerAt = 0, speakerAt = 0) => {
    const [answer, speaker] = [batch.answers[answerAt], batch.speakers[speakerAt]]
    if (answer === undefined || speaker === undefined) return undefined
    return { ...answer, ...speaker, answer, speaker, connection: speaker, startedAt: 0 }
  }
  for (let at = 0; at < rows.length; at += ROW) {
    const shared = read(rows[at], rows[at + 1])
    const error = errors.get(at / ROW)
    if (shared === undefined) continue
    yield {
      ...shared,
      isSum: false,
      count: 1,
      id: ids.get(at / ROW),
      endedAt: rows[at + 2] ?? 0,
      headAt: toHead(rows[at + 3]),
      bytes: rows[at + 4] ?? 0,
      error: error === undefined ? undefined : new PinyonError(error.code, error.message),
    }
  }
  for (let at = 0; at < sums.length; at += SUM) {
    const shared = read(sums[at], sums[at + 1])
    const count = sums[at + 2] ?? 1
    if (shared === undefined) continue
    yield {
      ...shared,
      isSum: true,
      count,
      id: undefined,
      endedAt: (sums[at + 3] ?? 0) / count,
      headAt: toHead((sums[at + 4] ?? Number.NaN) / count),
      bytes: sums[at + 5] ?? 0,
      error: undefined,
    }
  }
}

function toHead(firstMs = Number.NaN): number | undefined {
  return Number.isNaN(firstMs) ? undefined : firstMs
}

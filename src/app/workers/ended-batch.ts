import type { EndedRequest } from '../../http/ended-request.ts'
import { PinyonError, type ErrorCode } from '../../model/errors.ts'

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

/** Requests that have ended in a worker, in the order of their ends, in a form that costs little to send. */
export interface EndedBatch {
  readonly answers: readonly SharedAnswer[]
  readonly speakers: readonly Speaker[]
  /** {@link ROW} numbers a request: index of its answer, of its speaker, milliseconds, those to the first byte or NaN, bytes. */
  readonly rows: Float64Array
  /** By the number of their request, ids of those of which a line of the log tells. */
  readonly ids: ReadonlyMap<number, string>
  /** Errors by the number of their request. */
  readonly errors: ReadonlyMap<number, { readonly code: ErrorCode; readonly message: string }>
  /** Requests that could not be kept, as the first process has read nothing for long. */
  readonly dropped: number
}

const ROW = 5
/** Requests that are kept at most: some ten seconds of a first process that does not read. */
const MAX_REQUESTS = 500_000

/** Collects the requests of a worker that have ended. */
export class EndedRequests {
  #answers: SharedAnswer[] = []
  readonly #answerIndex = new Map<string, number>()
  #speakers: Speaker[] = []
  readonly #speakerIndex = new Map<string, number>()
  readonly #connections = new Map<object, number>()
  #rows = new Float64Array(ROW * 256)
  #count = 0
  #ids = new Map<number, string>()
  #errors = new Map<number, { readonly code: ErrorCode; readonly message: string }>()
  #dropped = 0

  /** Requests that wait. */
  get size(): number {
    return this.#count
  }

  /** Adds one. @param isLogged whether a line of the log is to tell of it if it has gone well */
  add(ended: EndedRequest, isLogged: boolean): void {
    if (this.#count >= MAX_REQUESTS) return void (this.#dropped += 1)
    const at = this.#count * ROW
    if (at === this.#rows.length) this.#grow()
    const rows = this.#rows
    rows[at] = this.#answerOf(ended)
    rows[at + 1] = this.#speakerOf(ended)
    rows[at + 2] = ended.endedAt - ended.startedAt
    rows[at + 3] = ended.headAt === undefined ? Number.NaN : ended.headAt - ended.startedAt
    rows[at + 4] = ended.bytes
    if (ended.id !== undefined && (isLogged || ended.error !== undefined))
      this.#ids.set(this.#count, ended.id)
    if (ended.error !== undefined) {
      const { code, message } = ended.error
      this.#errors.set(this.#count, { code, message })
    }
    this.#count += 1
  }

  /** What was added since this was asked last. */
  take(): EndedBatch {
    const batch = {
      answers: this.#answers,
      speakers: this.#speakers,
      rows: this.#rows.slice(0, this.#count * ROW),
      ids: this.#ids,
      errors: this.#errors,
      dropped: this.#dropped,
    }
    this.#answers = []
    this.#answerIndex.clear()
    this.#speakers = []
    this.#speakerIndex.clear()
    this.#connections.clear()
    this.#count = 0
    this.#ids = new Map()
    this.#errors = new Map()
    this.#dropped = 0
    return batch
  }

  #grow(): void {
    const rows = new Float64Array(this.#rows.length * 2)
    rows.set(this.#rows)
    this.#rows = rows
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

/** A request of a batch, as if it had ended just now. */
export interface ReplayedRequest extends EndedRequest {
  readonly answer: SharedAnswer
  readonly speaker: Speaker
}

/**
 * The requests of a batch, one after the other.
 * @param connectionOf gives what stands for the connections of a speaker
 */
export function* readBatch(
  { answers, speakers, rows, ids, errors }: EndedBatch,
  connectionOf: (speaker: Speaker) => object,
): Generator<ReplayedRequest, void, undefined> {
  const connections = speakers.map(connectionOf)
  const now = performance.now()
  for (let at = 0; at < rows.length; at += ROW) {
    // By index: a million rows are no occasion for iterators.
    const speakerAt = rows[at + 1] ?? 0
    const ms = rows[at + 2] ?? 0
    const firstMs = rows[at + 3] ?? Number.NaN
    const bytes = rows[at + 4] ?? 0
    const answer = answers[rows[at] ?? 0]
    const speaker = speakers[speakerAt]
    const connection = connections[speakerAt]
    if (answer === undefined || speaker === undefined || connection === undefined) continue
    const startedAt = now - ms
    const error = errors.get(at / ROW)
    yield {
      ...answer,
      ...speaker,
      id: ids.get(at / ROW),
      startedAt,
      endedAt: now,
      headAt: Number.isNaN(firstMs) ? undefined : startedAt + firstMs,
      bytes,
      connection,
      error: error === undefined ? undefined : new PinyonError(error.code, error.message),
      answer,
      speaker,
    }
  }
}

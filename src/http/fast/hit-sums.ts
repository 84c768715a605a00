import type { Outcome } from '../../model/outcome.ts'
import type { Snapshot } from '../../snapshot/store.ts'
import { METRICS } from '../../system/metric-table.ts'
import { FIRST_BYTE_MS } from '../../system/traffic.ts'
import type { EndedRequest } from '../ended-request.ts'
import type { HitRecord } from './hit-record.ts'
import type { PreparedAnswer } from './prepared-answers.ts'

/** Nobody who counts times to the first byte tells shorter ones apart, in milliseconds. */
const ALIKE_MS = Math.min(
  ...FIRST_BYTE_MS,
  ...METRICS.first_byte_seconds.buckets.map((seconds) => seconds * 1_000),
)

/** Hits of one answer by one client, as one request that stands for all of them. */
export class HitSum implements EndedRequest {
  readonly id = undefined
  readonly error = undefined
  readonly note = undefined
  readonly startedAt = 0
  readonly answer: PreparedAnswer
  readonly client: string | undefined
  readonly userAgent: string | undefined
  readonly snapshot: Snapshot | undefined
  readonly packageName: string | undefined
  /** That of the first of them. */
  readonly connection: object
  count = 0
  bytes = 0
  /** Of all of them together. */
  ms = 0
  firstMs = 0

  constructor(
    answer: PreparedAnswer,
    { client, userAgent, snapshot, packageName, connection }: EndedRequest,
  ) {
    this.answer = answer
    this.client = client
    this.userAgent = userAgent
    this.snapshot = snapshot
    this.packageName = packageName
    this.connection = connection
  }

  get method(): string {
    return this.answer.method
  }

  get target(): string {
    return this.answer.target
  }

  get status(): number {
    return this.answer.status
  }

  get outcome(): Outcome {
    return this.answer.outcome
  }

  get headAt(): number {
    return this.firstMs / this.count
  }

  get endedAt(): number {
    return this.ms / this.count
  }
}

/** How late hits are told of, in milliseconds, unless somebody asks before; so much a kill loses. */
const TELL_MS = 250
/** At once when there are so many sums: those of so many files, or clients. */
const TELL_AT = 1_024

/**
 * Adds up hits that nobody tells apart, and tells of them a moment later: to count a sum costs as much as to count one, and most hits are alone in
 * their turn of the event loop. Whoever is about to look at what was counted calls {@link flush} before.
 */
export class HitSums {
  readonly #tell: (sum: EndedRequest) => void
  #sums: HitSum[] = []
  #isDue = false

  /** @param tell counts them, as many as they are */
  constructor(tell: (sum: EndedRequest) => void) {
    this.#tell = tell
  }

  /**
   * Adds a request that has ended.
   * @returns false when it has to be told of by itself: it has not ended as it was to, has a line of the log, or took longer than most
   */
  add(ended: HitRecord): boolean {
    const { answer, startedAt, headAt, endedAt } = ended
    if (answer === undefined || ended.isLogged || ended.outcome !== answer.outcome) return false
    if (ended.error !== undefined || headAt === undefined) return false
    const firstMs = headAt - startedAt
    if (firstMs > ALIKE_MS) return false
    const sum = this.#sumOf(answer, ended)
    sum.count += 1
    sum.bytes += ended.bytes
    sum.ms += endedAt - startedAt
    sum.firstMs += firstMs
    return true
  }

  /** Tells of what was added up so far. */
  flush(): void {
    const sums = this.#sums
    if (sums.length === 0) return
    this.#sums = []
    for (const sum of sums) {
      sum.answer.sum = undefined
      this.#tell(sum)
    }
  }

  #sumOf(answer: PreparedAnswer, ended: HitRecord): HitSum {
    const { sum } = answer
    if (sum instanceof HitSum && sum.client === ended.client && sum.userAgent === ended.userAgent) return sum
    if (this.#sums.length >= TELL_AT) this.flush()
    const begun = new HitSum(answer, ended)
    answer.sum = begun
    this.#sums.push(begun)
    if (!this.#isDue) this.#tellLater()
    return begun
  }

  #tellLater(): void {
    this.#isDue = true
    setTimeout(() => {
      this.#isDue = false
      this.flush()
    }, TELL_MS).unref()
  }
}

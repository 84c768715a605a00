import { createRawLine, redactUrl, type Logger, type RawLine } from '../system/logger.ts'
import type { EndedRequest } from './ended-request.ts'
import { HitSampler, type HitSum } from './hit-sampler.ts'

/** A hit whose line was made in parts before: what its file says, before and after what differs. */
export interface PreparedLine {
  readonly logBefore: string
  readonly logAfter: string
}

/**
 * One line a request. Trouble of ours is an error, upstream's a warning, the rest information; while very many are answered from the cache
 * some of those have none, and their sums are told instead.
 */
export class RequestLog {
  readonly #log: Logger
  readonly #write: RawLine
  readonly #sampler: HitSampler
  readonly #onLeftOut: ((count: number) => void) | undefined

  /** @param onLeftOut told how many requests had no line of their own */
  constructor(log: Logger, onLeftOut?: (count: number) => void) {
    this.#log = log
    this.#write = createRawLine(log, 'request')
    this.#sampler = new HitSampler((sums) => this.#tellSums(sums))
    this.#onLeftOut = onLeftOut
  }

  /** Whether a hit that begins now will have its line. @param nowMs by `performance.now()` */
  takesHit(nowMs: number): boolean {
    return this.#log.isLevelEnabled('info') && this.#sampler.takes(nowMs)
  }

  /** Logs a request that has ended. */
  log(ended: EndedRequest): void {
    const { error } = ended
    const level = error === undefined || error.kind.source === 'client' ? 'info' : LEVELS[error.kind.source]
    if (!this.#log.isLevelEnabled(level)) return
    if (!this.#sampler.takesEnded(ended)) return this.#sampler.leaveOut(ended)
    const fields = describeRequest(ended)
    // Lines that tell of nothing out of the ordinary can wait for others: most of what one costs is the write.
    if (level === 'info') this.#write(toLogFields(fields))
    else this.#log[level](fields, 'request')
  }

  /** Logs a hit, from parts. @param speaker who asks, as fields */
  logHit(ended: EndedRequest, { logBefore, logAfter }: PreparedLine, speaker: string): void {
    const { id, bytes } = ended
    const named = id === undefined ? '' : `,"id":"${id}"`
    this.#write(`${logBefore}${describeTimes(ended)},"bytes":${bytes}${speaker}${logAfter}${named}`)
  }

  /** Takes note of a hit that was to have no line. */
  leaveOut(ended: EndedRequest): void {
    if (this.#log.isLevelEnabled('info')) this.#sampler.leaveOut(ended)
  }

  /** Tells what is still untold. */
  flush(): void {
    this.#sampler.flush()
  }

  #tellSums(sums: readonly HitSum[]): void {
    for (const { outcome, snapshot, count, bytes, ms } of sums) {
      const where = snapshot === undefined ? {} : { mirror: snapshot.mirror, snapshot: snapshot.name }
      this.#log.info({ outcome, ...where, count, bytes, ms: Math.round(ms) }, 'requests not told one by one')
      this.#onLeftOut?.(count)
    }
  }
}

function describeRequest(ended: EndedRequest): Record<string, unknown> {
  const { error, snapshot, note, startedAt, headAt, endedAt } = ended
  return {
    method: ended.method,
    target: describeTarget(ended.target),
    status: ended.status,
    outcome: ended.outcome,
    ms: roundMs(endedAt - startedAt),
    first_ms: headAt === undefined ? undefined : roundMs(headAt - startedAt),
    bytes: ended.bytes,
    client: ended.client,
    agent: describeAgent(ended.userAgent),
    mirror: snapshot?.mirror,
    snapshot: snapshot?.name,
    ...note,
    ...(error === undefined ? {} : { code: error.code, reason: error.message }),
    ...(error?.code === 'STORE_FAILED' ? { cause: describeCause(error) } : {}),
    id: ended.id,
  }
}

/** The fields of a line that tell how long it took. */
function describeTimes({ startedAt, headAt, endedAt }: EndedRequest): string {
  const first = headAt === undefined ? '' : `,"first_ms":${roundMs(headAt - startedAt)}`
  return `,"ms":${roundMs(endedAt - startedAt)}${first}`
}

function roundMs(ms: number): number {
  return Math.round(ms * 10) / 10
}

/** Fields of a log line, each with a comma before it. */
export function toLogFields(fields: Readonly<Record<string, unknown>>): string {
  const json = JSON.stringify(fields)
  return json === '{}' ? '' : `,${json.slice(1, -1)}`
}

/** A request target as the log shows it: without secrets, and bounded. */
export function describeTarget(target: string): string {
  return redactTarget(target).slice(0, 1_000)
}

/** A User-Agent as the log shows it. */
export function describeAgent(userAgent: string | undefined): string | undefined {
  return userAgent?.slice(0, 200)
}

/**
 * A request target without the secrets that somebody may put into a query, or before the host of one in absolute form; we take none from there.
 */
export function redactTarget(target: string): string {
  const bare = target.startsWith('/') ? target : redactUrl(target)
  return bare.replace(
    /([?&][^=&]*(?:token|auth|passw|secret|credential|signature|key)[^=&]*=)[^&]*/gi,
    '$1***',
  )
}

const LEVELS = { upstream: 'warn', internal: 'error' } as const

function describeCause(error: Error): string | undefined {
  return error.cause instanceof Error ? error.cause.stack : undefined
}

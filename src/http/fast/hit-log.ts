import type { RequestIds } from '../request-id.ts'
import { describeAgent, toLogFields, type RequestLog } from '../request-log.ts'
import type { HitRecord } from './hit-record.ts'

/** The request log's lines of hits, from parts that are formatted once a file and once a connection. */
export class HitLog {
  readonly #log: RequestLog
  readonly #ids: RequestIds

  constructor(log: RequestLog, ids: RequestIds) {
    this.#log = log
    this.#ids = ids
  }

  /** By what a hit is known that begins now: who brings an id has it back; another one is made only where a line tells of it. */
  name(nowMs: number, given: string | undefined): string | undefined {
    return this.#log.takesHit(nowMs) ? (given ?? this.#ids.next()) : undefined
  }

  /** Logs a request that has ended. */
  log(ended: HitRecord): void {
    const { answer, outcome, isLogged, client, userAgent } = ended
    if (answer === undefined || outcome !== answer.outcome) return this.#log.log(ended)
    if (!isLogged) return this.#log.leaveOut(ended)
    ended.speaker ??= toLogFields({ client, agent: describeAgent(userAgent) })
    this.#log.logHit(ended, answer, ended.speaker)
  }
}

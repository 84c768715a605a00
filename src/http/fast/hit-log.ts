import { createRawLine, type Logger, type RawLine } from '../../system/logger.ts'
import { describeAgent, logRequest } from '../request-log.ts'
import type { FastConnection } from './fast-connection.ts'
import { toLogFields } from './prepared-answers.ts'

/** The request log's lines of hits, from parts that are formatted once a file and once a connection. */
export class HitLog {
  readonly #log: Logger
  readonly #write: RawLine

  constructor(log: Logger) {
    this.#log = log
    this.#write = createRawLine(log, 'request')
  }

  /** Logs a request that has ended. */
  log(ended: FastConnection): void {
    const { answer, outcome, client, userAgent } = ended
    if (answer === undefined || outcome !== answer.outcome) return logRequest(this.#log, ended)
    if (!this.#log.isLevelEnabled('info')) return
    const ms = Math.round((performance.now() - ended.startedAt) * 10) / 10
    ended.speaker ??= toLogFields({ client, agent: describeAgent(userAgent) })
    this.#write(answer.logBefore + ms + ended.speaker + answer.logAfter)
  }
}

import { createRawLine, type Logger, type RawLine } from '../../system/logger.ts'
import { describeAgent, logRequest } from '../request-log.ts'
import type { FastConnection } from './fast-connection.ts'
import { toLogFields } from './prepared-answers.ts'

/** What a line says of whoever asks. */
interface Speaker {
  readonly userAgent: string | undefined
  readonly fields: string
}

/** The request log's lines of hits, from parts that are formatted once a file and once a connection. */
export class HitLog {
  readonly #log: Logger
  readonly #write: RawLine
  readonly #speakers = new WeakMap<FastConnection, Speaker>()

  constructor(log: Logger) {
    this.#log = log
    this.#write = createRawLine(log, 'request')
  }

  /** Logs a request that has ended. */
  log(ended: FastConnection): void {
    const { answer, outcome } = ended
    if (outcome !== 'hit' || answer === undefined) return logRequest(this.#log, ended)
    if (!this.#log.isLevelEnabled('info')) return
    const ms = Math.round((performance.now() - ended.startedAt) * 10) / 10
    this.#write(answer.logBefore + ms + this.#speakerOf(ended) + answer.logAfter)
  }

  #speakerOf(ended: FastConnection): string {
    const { userAgent, client } = ended
    const known = this.#speakers.get(ended)
    if (known !== undefined && known.userAgent === userAgent) return known.fields
    const fields = toLogFields({ client, agent: describeAgent(userAgent) })
    this.#speakers.set(ended, { userAgent, fields })
    return fields
  }
}

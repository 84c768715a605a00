import { Writable } from 'node:stream'

import { pino, type Logger } from 'pino'

/** One line of the log. */
export type LogLine = Readonly<Record<string, unknown>>

/** A log that is kept in memory, and can be waited for: tests learn from it that something has ended. */
export class LogRecorder {
  readonly lines: LogLine[] = []
  readonly logger: Logger
  readonly #waiters = new Set<() => void>()

  constructor(level = 'trace') {
    const stream = new Writable({
      write: (chunk: Buffer, _, done) => {
        this.lines.push(JSON.parse(chunk.toString()) as LogLine)
        for (const check of this.#waiters) check()
        done()
      },
    })
    this.logger = pino({ level, base: null, formatters: { level: (label) => ({ level: label }) } }, stream)
  }

  /** The lines with this message. */
  of(message: string): LogLine[] {
    return this.lines.filter(({ msg }) => msg === message)
  }

  /** Resolves with the lines of this message when there are so many. */
  async waitFor(message: string, count = 1): Promise<LogLine[]> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const check = () => {
      if (this.of(message).length >= count) resolve()
    }
    this.#waiters.add(check)
    check()
    await promise
    this.#waiters.delete(check)
    return this.of(message)
  }
}

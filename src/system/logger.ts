import { pino, type Logger } from 'pino'

import { LineSink } from './line-sink.ts'

export type { Logger }

/**
 * The process's log: one JSON object a line on standard error, so that standard output stays what a command answers.
 * `PINYON_LOG` sets the level (trace, debug, info, warn, error, silent); `info` by default.
 */
export function createLogger(level: string = process.env['PINYON_LOG'] ?? 'info'): Logger {
  const sink = new LineSink(2)
  process.once('exit', () => sink.flush())
  const known = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']
  return pino(
    {
      level: known.includes(level) ? level : 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  )
}

/** A log that keeps nothing. */
export function createSilentLogger(): Logger {
  return pino({ level: 'silent' })
}

/** A URL without its user and password, for logs and error messages. What stands before the last `@` of the host is taken for them. */
export function redactUrl(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1***@')
}

import { isatty } from 'node:tty'

import { pino, type Logger } from 'pino'

import { LineSink } from './line-sink.ts'
import { toPrettyLine } from './pretty-line.ts'

export type { Logger }

/**
 * The process's log on standard error, so that standard output stays what a command answers: one JSON object a line, or on a terminal lines for people.
 * `PINYON_LOG` sets the level (trace, debug, info, warn, error, silent); `info` by default.
 */
export function createLogger(level: string = process.env['PINYON_LOG'] ?? 'info'): Logger {
  const isColored = (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb'
  const sink = new LineSink(2, isatty(2) ? (line) => toPrettyLine(redactLine(line), isColored) : redactLine)
  process.once('exit', () => sink.flush())
  const known = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']
  return pino(
    {
      level: known.includes(level) ? level : 'info',
      base: null,
      timestamp: createIsoTime(),
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  )
}

/** Writes a line of `"key":value` pairs, each with a comma before it, as the log itself would write them. */
export type RawLine = (fields: string) => void

/**
 * For lines of one message by the hundred thousand, whose fields their writer has formatted before: at `info`, with time and bindings as of
 * any other line. They may come a moment later than those.
 */
export function createRawLine(log: Logger, message: string): RawLine {
  // What pino itself puts together, for integrators to use: pino.symbols.
  const parts = log as unknown as PinoParts
  const level = parts[pino.symbols.lsCacheSym][log.levels.values['info'] ?? 0] ?? '{'
  const bindings = parts[pino.symbols.chindingsSym]
  const time = parts[pino.symbols.timeSym]
  const stream = parts[pino.symbols.streamSym]
  const end = `,"msg":${JSON.stringify(message)}}\n`
  const write = stream instanceof LineSink ? stream.add.bind(stream) : stream.write.bind(stream)
  return (fields) => write(level + time() + bindings + fields + end)
}

interface PinoParts {
  readonly [pino.symbols.lsCacheSym]: Readonly<Record<number, string>>
  readonly [pino.symbols.chindingsSym]: string
  readonly [pino.symbols.timeSym]: () => string
  readonly [pino.symbols.streamSym]: { write(line: string): void }
}

/** ISO times, each millisecond's formatted once. */
function createIsoTime(): () => string {
  let [atMs, text] = [Number.NaN, '']
  return () => {
    const nowMs = Date.now()
    if (nowMs !== atMs) [atMs, text] = [nowMs, `,"time":"${new Date(nowMs).toISOString()}"`]
    return text
  }
}

/** A log that keeps nothing. */
export function createSilentLogger(): Logger {
  return pino({ level: 'silent' })
}

/** A URL without its user and password, for logs and error messages. What stands before the last `@` of the host is taken for them. */
export function redactUrl(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1***@')
}

/** What stands for a secret in a URL or a header, wherever in a line one got to: whoever writes lines leaves them out, this is in case one does not. */
export function redactLine(line: string): string {
  return line
    .replace(/(:\/\/)[^/?#\s"]*@/g, '$1***@')
    .replace(/\b(Bearer|Basic) +[A-Za-z0-9+/=._~-]+/gi, '$1 ***')
}

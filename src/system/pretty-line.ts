import { isMapping } from '../model/is-mapping.ts'

/** What a terminal must not get of what others have written: it would move about, hide or reorder what stands there. */
const UNPRINTABLE =
  // eslint-disable-next-line no-control-regex -- that is what it is for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

const COLORS: Readonly<Record<string, string>> = {
  trace: '90',
  debug: '90',
  info: '32',
  warn: '33',
  error: '31',
  fatal: '31',
}
const DIM = '2'

/** Fields that stand before all others, and without their names, where they are. */
const FIRST = ['method', 'target', 'status', 'outcome'] as const
/** Told in the beginning already. */
const TOLD: ReadonlySet<string> = new Set(['level', 'time', 'msg', ...FIRST])

/**
 * A line of the log as people read it on a terminal: time (UTC), level, message, then what it says of itself. Whatever is in it, it stays one
 * line of printable characters.
 * @param line JSON and a newline; what is no JSON is shown as it is
 */
export function toPrettyLine(line: string, isColored: boolean): string {
  const fields = parse(line)
  if (fields === undefined) return `${escapeText(line.trimEnd())}\n`
  const paint = (code: string | undefined, text: string) =>
    isColored && code !== undefined ? `\u001b[${code}m${text}\u001b[0m` : text
  const { level, time, msg } = fields
  const name = escapeText(asText(level)).toUpperCase().padEnd(5)
  const first = FIRST.flatMap((key) => (fields[key] === undefined ? [] : [escapeText(asText(fields[key]))]))
  const rest = Object.entries(fields)
    .filter(([key]) => !TOLD.has(key))
    .map(([key, value]) => `${paint(DIM, `${escapeText(key)}=`)}${escapeText(quote(value))}`)
  const clock = escapeText(asText(time)).slice(11, 23)
  const parts = [
    paint(DIM, clock),
    paint(COLORS[asText(level)], name),
    escapeText(asText(msg)),
    ...first,
    ...rest,
  ]
  return `${parts.filter((part) => part !== '').join(' ')}\n`
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isMapping(value) ? value : undefined
  } catch {
    return undefined
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value)
}

/** A value with quotes where it would else not be seen where it ends. */
function quote(value: unknown): string {
  const text = asText(value)
  return typeof value === 'string' && /[\s"=]|^$/.test(text) ? JSON.stringify(text) : text
}

function escapeText(text: string): string {
  return text
    .toWellFormed()
    .replace(UNPRINTABLE, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`)
}

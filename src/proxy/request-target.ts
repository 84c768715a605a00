import { PinyonError } from '../model/errors.ts'

/** A request target that passed the gate. */
export interface RequestPath {
  /** Percent-decoded once; no empty, `.` or `..` among them. */
  readonly segments: readonly string[]
  /** Whether it ended in a slash. */
  readonly directory: boolean
}

/** No real path comes near; Node refuses whole heads above 16 KiB. */
const MAX_TARGET_LENGTH = 8_192

/**
 * Judges a raw request target (RFC 9112 §3.2: origin or absolute form) before anything is looked up. The query is ignored, slashes
 * are merged as httpd and nginx do, and each segment is decoded once, so that `%2B`, `%2b` and `+` are one name.
 * @throws PinyonError PATH_REFUSED for dot segments, encoded slashes, controls, bad escapes and other forms
 */
export function parseRequestTarget(target: string): RequestPath {
  if (target.length > MAX_TARGET_LENGTH) throw refuse('it is too long', target.slice(0, 80))
  const query = target.indexOf('?')
  const raw = (query < 0 ? target : target.slice(0, query)).replace(/^https?:\/\/[^/]*/i, '')
  if (!raw.startsWith('/')) throw refuse('it is no path', target)
  const segments: string[] = []
  for (const segment of raw.split('/')) {
    if (segment === '') continue
    segments.push(decodeSegment(segment, target))
  }
  return { segments, directory: raw.endsWith('/') }
}

/** The segments of a raw request target; undefined for one that is refused. */
export function findSegments(target: string): readonly string[] | undefined {
  try {
    return parseRequestTarget(target).segments
  } catch {
    return undefined
  }
}

/** The query of a raw request target; empty where it has none. */
export function queryOf(target: string): URLSearchParams {
  const mark = target.indexOf('?')
  return new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1))
}

function decodeSegment(raw: string, target: string): string {
  let segment: string
  try {
    // Raw bytes above 0x7f come as latin1, where node's parser lets them through at all; who sends them means UTF-8.
    // oxlint-disable-next-line no-control-regex -- the range of ASCII
    const text = /^[\x00-\x7f]*$/.test(raw) ? raw : Buffer.from(raw, 'latin1').toString('utf8')
    segment = text.includes('%') ? decodeURIComponent(text) : text
  } catch {
    throw refuse('it holds a bad percent escape', target)
  }
  if (segment === '.' || segment === '..') throw refuse('it holds a dot segment', target)
  // oxlint-disable-next-line no-control-regex -- refusing control characters is the point
  if (/[/\\\u0000-\u001f\u007f\ufffd]/.test(segment))
    throw refuse('it holds an encoded slash or control', target)
  return segment
}

function refuse(why: string, target: string): PinyonError {
  return new PinyonError('PATH_REFUSED', `request target refused, ${why}: ${JSON.stringify(target)}`)
}

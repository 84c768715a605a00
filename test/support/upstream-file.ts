import { createReadStream, statSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { join, normalize } from 'node:path'

/** An answer before any behaviour changes it. */
export interface FileAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: AsyncIterable<Buffer>
  /** Body bytes, and where in the file they begin. */
  readonly length: number
  readonly offset: number
}

/** Answers a request for a file below `root` as a plain web server does: ETag, Last-Modified, 304, one range, 416, 404. */
export function answerFile(root: string, target: string, headers: IncomingHttpHeaders): FileAnswer {
  const path = filePath(root, target)
  const stat = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false, bigint: true })
  if (path === undefined || !stat?.isFile()) return answerText(404, 'not found\n')
  const size = Number(stat.size)
  const known = {
    // The change time cannot be set, unlike the modification time: two generations never share a tag.
    ETag: `"${stat.size.toString(16)}-${stat.ctimeNs.toString(16)}"`,
    'Last-Modified': new Date(Number(stat.mtimeMs)).toUTCString(),
    'Accept-Ranges': 'bytes',
  }
  if (isNotModified(headers, known)) return { ...answerText(304, ''), headers: known }
  const range = parseRange(headers, known, size)
  if (range === 'unsatisfiable') {
    return { ...answerText(416, ''), headers: { ...known, 'Content-Range': `bytes */${size}` } }
  }
  const { start, end } = range ?? { start: 0, end: size - 1 }
  const partial = range === undefined ? {} : { 'Content-Range': `bytes ${start}-${end}/${size}` }
  return {
    status: range === undefined ? 200 : 206,
    headers: { ...known, 'Content-Type': contentType(path), ...partial },
    body: size === 0 ? bytes('') : fileBytes(path, start, end),
    length: end - start + 1,
    offset: start,
  }
}

/** An answer that is a line of text, or a page. */
export function answerText(status: number, text: string, type = 'text/plain'): FileAnswer {
  return {
    status,
    headers: { 'Content-Type': type },
    body: bytes(text),
    length: Buffer.byteLength(text),
    offset: 0,
  }
}

/** Opens the file when the first byte is asked for: a HEAD never does. */
async function* fileBytes(path: string, start: number, end: number): AsyncGenerator<Buffer> {
  yield* createReadStream(path, { start, end }) as AsyncIterable<Buffer>
}

async function* bytes(text: string): AsyncGenerator<Buffer> {
  if (text !== '') yield Buffer.from(text)
}

function filePath(root: string, target: string): string | undefined {
  try {
    const path = normalize(join(root, decodeURIComponent(target.replace(/\?.*$/s, ''))))
    return path.startsWith(normalize(`${root}/`)) && !path.includes('\0') ? path : undefined
  } catch {
    return undefined
  }
}

function isNotModified(
  asked: IncomingHttpHeaders,
  known: { ETag: string; 'Last-Modified': string },
): boolean {
  const tags = asked['if-none-match']
  if (tags !== undefined) return tags === '*' || tags.split(/\s*,\s*/).includes(known.ETag)
  const since = Date.parse(asked['if-modified-since'] ?? '')
  return since >= Date.parse(known['Last-Modified'])
}

function parseRange(
  asked: IncomingHttpHeaders,
  known: { ETag: string; 'Last-Modified': string },
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(asked.range ?? '')
  const condition = asked['if-range']
  if (condition !== undefined && condition !== known.ETag && condition !== known['Last-Modified'])
    return undefined
  if (match === null || (match[1] === '' && match[2] === '')) return undefined
  const suffix = match[1] === ''
  const start = suffix ? Math.max(0, size - Number(match[2])) : Number(match[1])
  const end = suffix || match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1)
  return start >= size || start > end ? 'unsatisfiable' : { start, end }
}

function contentType(path: string): string {
  if (path.endsWith('.rpm')) return 'application/x-rpm'
  return path.endsWith('.xml') ? 'text/xml' : 'application/octet-stream'
}

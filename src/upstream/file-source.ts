import { constants, createReadStream } from 'node:fs'
import { open, opendir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { PinyonError } from '../model/errors.ts'
import type { SourceReply, SourceRequest } from './source-request.ts'

/**
 * Gets a file of a `file:` base URL, or what a directory holds. A file's validator is made of size, inode and times; the inode's own time tells apart what was rewritten
 * with an older modification time.
 */
export async function getFile(url: string, request: SourceRequest): Promise<SourceReply> {
  if (url.endsWith('/')) return await listDirectory(url)
  let path = url
  let etag: string
  let size: number
  try {
    path = fileURLToPath(url)
    // Opening a named pipe would else wait for its writer.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const facts = await handle.stat({ bigint: true })
      if (!facts.isFile()) throw new PinyonError('UPSTREAM_GONE', `not a file: ${path}`)
      size = Number(facts.size)
      etag = `"${facts.mtimeNs}-${facts.ctimeNs}-${facts.size}-${facts.ino}"`
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw toUpstreamError(error, path)
  }
  const { validators: asked, rest, signal } = request
  const validators = { etag }
  if (asked?.etag === etag)
    return { status: 304, validators, offset: 0, length: 0, isPage: false, body: noBytes() }
  const offset = rest === undefined || (rest.etag ?? etag) !== etag || rest.offset > size ? 0 : rest.offset
  return {
    status: 200,
    validators,
    offset,
    length: size - offset,
    isPage: false,
    body: readBody(path, offset, signal),
  }
}

/** More than any index of a directory is read for. */
const MAX_LISTED = 10_000

/** What a directory holds, in the form of nginx's index in JSON: what a server would show at its URL. */
async function listDirectory(url: string): Promise<SourceReply> {
  let path = url
  try {
    path = fileURLToPath(url)
    const entries: { readonly name: string; readonly type: 'file' | 'directory' }[] = []
    for await (const entry of await opendir(path)) {
      if (entries.length === MAX_LISTED) break
      // Others, links too, are looked at when they are asked for.
      entries.push({ name: entry.name, type: entry.isDirectory() ? 'directory' : 'file' })
    }
    const bytes = Buffer.from(JSON.stringify(entries))
    const body = (async function* () {
      yield bytes
    })()
    return { status: 200, validators: {}, offset: 0, length: bytes.length, isPage: false, body }
  } catch (error) {
    throw toUpstreamError(error, path)
  }
}

/** Twice what streams read: each piece takes its way through the thread pool twice, to be read and to be stored, and hashing it a tenth of a millisecond. */
const READ_BYTES = 128 << 10

async function* readBody(
  path: string,
  start: number,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  try {
    const options = { start, highWaterMark: READ_BYTES }
    yield* createReadStream(
      path,
      signal === undefined ? options : { ...options, signal },
    ) as AsyncIterable<Uint8Array>
  } catch (error) {
    signal?.throwIfAborted()
    throw toUpstreamError(error, path)
  }
}

async function* noBytes(): AsyncIterable<Uint8Array> {
  // A 304 has no body.
}

function toUpstreamError(error: unknown, path: string): PinyonError {
  if (error instanceof PinyonError) return error
  const code = (error as NodeJS.ErrnoException).code
  const gone = code === 'ENOENT' || code === 'ENOTDIR'
  const message = `reading ${path}: ${code ?? String(error)}`
  return new PinyonError(gone ? 'UPSTREAM_GONE' : 'UPSTREAM_UNREACHABLE', message, { cause: error })
}

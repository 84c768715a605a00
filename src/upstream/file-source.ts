import { constants, createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { PinyonError } from '../model/errors.ts'
import type { UpstreamReply, UpstreamRequest } from './upstream.ts'

/**
 * Gets a file of a `file:` base URL. Its validator is made of size, inode and times; the inode's own time tells apart what was rewritten
 * with an older modification time.
 */
export async function getFile(
  url: string,
  baseurl: string,
  request: UpstreamRequest,
): Promise<UpstreamReply> {
  let path = url
  let etag: string
  try {
    path = fileURLToPath(url)
    // Opening a named pipe would else wait for its writer.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const facts = await handle.stat({ bigint: true })
      if (!facts.isFile()) throw new PinyonError('UPSTREAM_GONE', `not a file: ${path}`)
      etag = `"${facts.mtimeNs}-${facts.ctimeNs}-${facts.size}-${facts.ino}"`
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw toUpstreamError(error, path)
  }
  if (request.validators?.etag === etag)
    return { status: 304, baseurl, validators: { etag }, body: noBytes() }
  return { status: 200, baseurl, validators: { etag }, body: readBody(path, request.signal) }
}

async function* readBody(path: string, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
  try {
    yield* createReadStream(path, signal === undefined ? {} : { signal }) as AsyncIterable<Uint8Array>
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

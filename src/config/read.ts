import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** The largest configuration file, in bytes: far beyond any farm, and far below what would hurt. */
export const CONFIG_MAX_BYTES = 10 * 1024 * 1024

/** A file's text, or why there is none. */
export type Reading = { readonly text: string } | { readonly found: string; readonly cause?: unknown }

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'a file in place of one of its directories',
  EACCES: 'no permission to read it',
  EISDIR: 'a directory',
  ELOOP: 'a loop of symbolic links',
}

/** Reads a file of UTF-8 text, up to {@link CONFIG_MAX_BYTES} of whatever it turns out to be. */
export function readConfigFile(file: string): Reading {
  try {
    const bytes = readConfigBytes(file)
    if (bytes === undefined) return { found: `more than ${CONFIG_MAX_BYTES / 1024 / 1024} MiB` }
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (cause) {
    return { found: describeReadFailure(cause), cause }
  }
}

/** What was found in place of a file's text, by the error that reading it ended in. */
export function describeReadFailure(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'bytes that are not UTF-8'
  return REASONS[code] ?? `a failure to read it (${code})`
}

/** The bytes of a file; undefined when there are more than {@link CONFIG_MAX_BYTES}. Throws as the file system does. A size is not to be believed: it may be a pipe, or growing. */
export function readConfigBytes(file: string): Uint8Array | undefined {
  const descriptor = openSync(file, 'r')
  try {
    const stated = fstatSync(descriptor).size
    if (stated > CONFIG_MAX_BYTES) return undefined
    const chunks: Uint8Array[] = []
    let total = 0
    for (;;) {
      const chunk = Buffer.alloc(65_536)
      const length = readSync(descriptor, chunk)
      if (length === 0) return Buffer.concat(chunks)
      total += length
      if (total > CONFIG_MAX_BYTES) return undefined
      chunks.push(chunk.subarray(0, length))
    }
  } finally {
    closeSync(descriptor)
  }
}

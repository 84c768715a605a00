import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

/** All bytes of a regular file; undefined when it has more than `maxBytes`. Throws as the file system does, and for what is no regular file. */
export function readSmallFile(file: string, maxBytes: number): Buffer | undefined {
  // Opening a pipe would wait for who writes to it.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    if (!fstatSync(descriptor).isFile()) throw new Error('not a regular file')
    const buffer = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (let count = -1; count !== 0 && length < buffer.length; length += count)
      count = readSync(descriptor, buffer, length, buffer.length - length, null)
    // Of its own size: what is kept of it may be kept for long.
    return length > maxBytes ? undefined : Buffer.from(buffer.subarray(0, length))
  } finally {
    closeSync(descriptor)
  }
}

/** That a small file could not be read, by the path that was tried: what the configuration says is relative to its own file. */
export function describeUnread(file: string, thrown: unknown): string {
  return `reading ${file}: ${describeSmallFileFailure(thrown)}`
}

/** Why a small file could not be read, in a word: the system's code where there is one. */
export function describeSmallFileFailure(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'not a regular file'
}

import { close, read, write } from 'node:fs'

/** What a disk says that cannot give back what it holds. */
const UNREADABLE: readonly (string | undefined)[] = ['EIO', 'EBADMSG', 'EUCLEAN']

/**
 * Reads from a file at a position; once more where the disk fails, which may pass. The callback form costs half of what a FileHandle's
 * read does.
 */
export function readAt(descriptor: number, target: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const readOnce = (onFailure: (error: NodeJS.ErrnoException) => void) =>
      read(descriptor, target, 0, target.length, position, (error, count) => {
        if (error === null) resolve(count)
        else onFailure(error)
      })
    readOnce((error) => (isUnreadable(error) ? readOnce(reject) : reject(error)))
  })
}

/** Writes all of some bytes to a file at a position; gives how many they were. */
export async function writeAt(descriptor: number, bytes: Uint8Array, position: number): Promise<number> {
  for (let offset = 0; offset < bytes.length;) {
    const at = offset
    offset += await new Promise<number>((resolve, reject) =>
      write(descriptor, bytes, at, bytes.length - at, position + at, (error, count) =>
        error === null ? resolve(count) : reject(error),
      ),
    )
  }
  return bytes.length
}

/** Whether reading a blob failed since the disk does not give it back, or ended before the blob should. */
export function isUnreadable(error: unknown): boolean {
  const { code, cause } = error as { code?: string; cause?: { code?: string } }
  return code === 'BLOB_UNREADABLE' || UNREADABLE.includes(code) || UNREADABLE.includes(cause?.code)
}

/**
 * What closes a descriptor that was only read from: nothing can be lost, so nobody waits. Calling it again does nothing: by then the
 * number may be another file's.
 */
export function createCloser(descriptor: number): () => void {
  let open = true
  return () => {
    if (!open) return
    open = false
    close(descriptor, () => undefined)
  }
}

/** Whether a file system call failed because there is no such file. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}

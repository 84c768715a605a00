import { close, read, writev } from 'node:fs'

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

/**
 * Writes all of some pieces to a file, one behind the other.
 * @param position of the first of them
 * @param done how many of their bytes are there already
 */
export async function writeAt(
  descriptor: number,
  pieces: readonly Uint8Array[],
  position: number,
  done: number,
): Promise<void> {
  let at = position + done
  for (let left = withoutFirst(pieces, done); left.length > 0;) {
    const count = await new Promise<number>((resolve, reject) =>
      writev(descriptor, left, at, (error, count) => (error === null ? resolve(count) : reject(error))),
    )
    at += count
    left = withoutFirst(left, count)
  }
}

/** What of some pieces is behind the first so many bytes; nothing that is empty. */
function withoutFirst(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let before = bytes
  return pieces.flatMap((piece) => {
    const rest = piece.subarray(before)
    before = Math.max(0, before - piece.length)
    return rest.length === 0 ? [] : [rest]
  })
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

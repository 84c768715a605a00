import { closeSync, fsync, openSync, renameSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

const syncDescriptor = promisify(fsync)

/**
 * Moves a finished and fsynced temporary file to its name and makes the name survive a power cut: rename, then fsync of the
 * directory. Both paths must be on one file system; the directory must exist.
 */
export async function publishFile(temporary: string, target: string): Promise<void> {
  await rename(temporary, target)
  await syncDirectory(dirname(target))
}

/**
 * Moves a file to its name in the caller's own time, for what has to happen in one step with it. Both paths must be on one file system.
 * The name survives a power cut once {@link syncDirectory} has followed.
 */
export function moveFile(from: string, to: string): void {
  renameSync(from, to)
}

/**
 * As {@link publishFile}, over a file that others edit as well: the rename happens before this returns, so that what its caller has just
 * seen of the file cannot become untrue while the rename waits for its turn.
 */
export function replaceFile(temporary: string, target: string): Promise<void> {
  try {
    renameSync(temporary, target)
  } catch (error) {
    return Promise.reject(error)
  }
  return syncDirectory(dirname(target))
}

/** Makes a directory's entries durable. File systems that cannot fsync a directory are taken as they are. */
export async function syncDirectory(directory: string): Promise<void> {
  // Opening and closing what was just written into takes less time than handing that to another thread.
  const descriptor = openSync(directory, 'r')
  try {
    await syncDescriptor(descriptor)
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Creates a directory and those above it, each made durable in its parent; itself also when it is there: who made it may have been killed
 * before that. A parent that this process may not read is taken as it is.
 */
export async function makeDurableDirectory(directory: string): Promise<void> {
  const first = (await mkdir(directory, { recursive: true })) ?? directory
  for (let path = directory; path.length >= first.length; path = dirname(path))
    await syncDirectory(dirname(path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EACCES') throw error
    })
}

/** Removes a file if it is there. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true })
}

/** Writes a file that is there whole or not at all, whatever happens meanwhile; whoever calls it is the only one who writes it. */
export async function writeDurably(file: string, text: string): Promise<void> {
  const temporary = `${file}.new`
  try {
    const handle = await open(temporary, 'w')
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await publishFile(temporary, file)
  } catch (error) {
    await removeFile(temporary).catch(() => undefined)
    throw error
  }
}

/**
 * Appends to a file, durably. What a crash leaves of it lies behind what was there.
 * @param end where to append, in bytes: what lies behind is cut off; the file's end unless told
 */
export async function appendDurably(file: string, text: string, end?: number): Promise<void> {
  const handle = await open(file, 'a')
  try {
    if (end !== undefined) await handle.truncate(end)
    await handle.appendFile(text)
    await handle.datasync()
  } finally {
    await handle.close()
  }
}

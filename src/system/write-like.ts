import { execFile } from 'node:child_process'
import { lstat, open, type FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'

import { PinyonError } from '../model/errors.ts'

/**
 * Makes a file, durably, that has the mode, owner, SELinux label, access list and extended attributes of another one.
 *
 * @param path of the new file; it is nobody else's to read before it has all of that
 * @throws PinyonError STORE_FAILED when the other file's attributes cannot be kept; other errors as the system has them
 */
export async function writeLike(path: string, bytes: Uint8Array, like: string): Promise<void> {
  // Through a descriptor of its own a file that may not be written can be filled.
  const handle = await open(path, 'wx', 0o600)
  try {
    await copyAttributes(like, path)
    // Where a copy can have attributes only with the bytes.
    await handle.truncate(0)
    await handle.writeFile(bytes)
    await handle.sync()
    await checkCopy(handle, path, like)
  } finally {
    await handle.close()
  }
}

const run = promisify(execFile)

/** A container cannot set labels, and has one for all files. */
const LABEL = 'security.selinux'

/** Node itself knows neither labels nor extended attributes, so coreutils copy them; busybox, which cannot, has no systems with them. */
async function copyAttributes(from: string, to: string): Promise<void> {
  const said = await copy(from, to)
  // What cp cannot keep of extended attributes it tells, and is done all the same.
  const lost = said.split('\n').find((line) => line.startsWith('cp: ') && !line.includes(LABEL))
  if (lost !== undefined) throw new PinyonError('STORE_FAILED', `copying ${from}: ${lost}`)
}

/** What cp said, though it was done. */
async function copy(from: string, to: string): Promise<string> {
  try {
    const env = { ...process.env, LC_ALL: 'C' }
    return (await run('cp', ['--attributes-only', '--preserve=all', '--', from, to], { env })).stderr
  } catch (error) {
    const { stderr = '', code } = error as { stderr?: string; code?: unknown }
    if (!/unrecognized option/.test(stderr)) {
      const found = code === 'ENOENT' ? 'there is no command cp' : (stderr.split('\n', 1)[0] ?? '')
      throw new PinyonError('STORE_FAILED', `copying ${from}: ${found}`, { cause: error })
    }
    return (await run('cp', ['-p', '--', from, to])).stderr
  }
}

async function checkCopy(handle: FileHandle, path: string, like: string): Promise<void> {
  const [copy, named, model] = await Promise.all([handle.stat(), lstat(path), lstat(like)])
  if (copy.ino !== named.ino) throw new PinyonError('STORE_FAILED', `somebody replaces: ${path}`)
  if (copy.uid !== model.uid || copy.gid !== model.gid)
    throw new PinyonError('STORE_FAILED', `${like} cannot keep its owner: ${model.uid}:${model.gid}`)
  if (copy.mode !== model.mode)
    throw new PinyonError(
      'STORE_FAILED',
      `${like} cannot keep its mode: ${(model.mode & 0o7777).toString(8)}`,
    )
}

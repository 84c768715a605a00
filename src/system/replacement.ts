import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { link, lstat, open, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { PinyonError } from '../model/errors.ts'
import { removeFile, replaceFile } from './publish.ts'

/** A file that is to have other content. */
export interface Replacement {
  /** Absolute; its last part is no symbolic link. */
  readonly path: string
  readonly bytes: Uint8Array
  /** The file whose mode, owner, label and extended attributes it gets: itself when it is there. */
  readonly like: string
  /** What it was when the new content was made of it; undefined when it did not matter. */
  readonly facts?: BigIntStats
}

interface Staged extends Replacement {
  readonly temporary: string
  /** Another name of the file as it was, until all are replaced. */
  readonly backup: string
}

/**
 * Gives files other content, all or none: each is whole at every moment, with its mode, owner, SELinux label and extended attributes. Only a
 * SIGKILL, or a power cut, between the renames may leave some old and some new. A further hard link of a file goes on naming the old content.
 *
 * @param stop once it is aborted nothing more is replaced; its reason is thrown
 * @throws PinyonError STORE_FAILED naming the file, after which all are as they were
 */
export async function replaceFiles(replacements: readonly Replacement[], stop?: AbortSignal): Promise<void> {
  const staged: Staged[] = []
  const replaced: Staged[] = []
  try {
    for (const replacement of replacements) {
      stop?.throwIfAborted()
      const file = name(replacement)
      staged.push(file)
      await attempt('writing beside', file, () => stage(file))
    }
    for (const file of staged) {
      stop?.throwIfAborted()
      await attempt('replacing', file, async () => {
        const isBackedUp = await prepare(file)
        await replaceFile(file.temporary, file.path)
        if (isBackedUp || file.path !== file.like) replaced.push(file)
      })
    }
  } catch (error) {
    for (const file of replaced.toReversed()) await restore(file)
    throw error
  } finally {
    for (const { temporary, backup } of staged) await Promise.all([removeFile(temporary), removeFile(backup)])
  }
}

function name(replacement: Replacement): Staged {
  const { path } = replacement
  const hidden = join(dirname(path), `.${basename(path)}.pinyon-${randomBytes(6).toString('hex')}`)
  return { ...replacement, temporary: `${hidden}.new`, backup: `${hidden}.old` }
}

async function attempt(what: string, { path }: Staged, step: () => Promise<void>): Promise<void> {
  try {
    await step()
  } catch (error) {
    if (error instanceof PinyonError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new PinyonError('STORE_FAILED', `${what} ${path}: ${code ?? message}`, { cause: error })
  }
}

/** The copy brings all attributes with it; through a descriptor of its own a file that may not be written can be filled. */
async function stage({ temporary, like, bytes, path }: Staged): Promise<void> {
  const handle = await open(temporary, 'wx', 0o600)
  try {
    await copyAttributes(like, temporary)
    await handle.truncate(0)
    await handle.writeFile(bytes)
    await handle.sync()
    await checkCopy(handle, { temporary, like, path })
  } finally {
    await handle.close()
  }
}

const run = promisify(execFile)

/** Node itself knows neither labels nor extended attributes, so coreutils copy them; busybox, which cannot, has no systems with them. */
async function copyAttributes(from: string, to: string): Promise<void> {
  try {
    await run('cp', ['--preserve=all', '--', from, to], { env: { ...process.env, LC_ALL: 'C' } })
  } catch (error) {
    const { stderr = '', code } = error as { stderr?: string; code?: unknown }
    if (!/unrecognized option/.test(stderr)) {
      const found = code === 'ENOENT' ? 'there is no command cp' : (stderr.split('\n', 1)[0] ?? '')
      throw new PinyonError('STORE_FAILED', `copying ${from}: ${found}`, { cause: error })
    }
    await run('cp', ['-p', '--', from, to])
  }
}

async function checkCopy(
  handle: FileHandle,
  { temporary, like, path }: Pick<Staged, 'temporary' | 'like' | 'path'>,
): Promise<void> {
  const [copy, named, model] = await Promise.all([handle.stat(), lstat(temporary), lstat(like)])
  if (copy.ino !== named.ino) throw new PinyonError('STORE_FAILED', `somebody replaces: ${temporary}`)
  if (copy.uid !== model.uid || copy.gid !== model.gid)
    throw new PinyonError('STORE_FAILED', `${path} cannot keep its owner: ${model.uid}:${model.gid}`)
  if (copy.mode !== model.mode)
    throw new PinyonError(
      'STORE_FAILED',
      `${path} cannot keep its mode: ${(model.mode & 0o7777).toString(8)}`,
    )
}

/** Whether the file as it was has another name now. */
async function prepare({ path, facts, backup }: Staged): Promise<boolean> {
  if (facts !== undefined) {
    const now = await lstat(path, { bigint: true })
    if (now.ino !== facts.ino || now.mtimeNs !== facts.mtimeNs || now.size !== facts.size)
      throw new PinyonError('STORE_FAILED', `somebody else has changed it meanwhile: ${path}`)
  }
  try {
    await link(path, backup)
    return true
  } catch {
    // There is none yet, or the file system has no hard links.
    return false
  }
}

async function restore({ path, backup }: Staged): Promise<void> {
  try {
    await replaceFile(backup, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    await removeFile(path)
  }
}

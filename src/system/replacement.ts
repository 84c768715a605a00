import { randomBytes } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { link, lstat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { PinyonError } from '../model/errors.ts'
import { removeFile, replaceFile } from './publish.ts'
import { writeLike } from './write-like.ts'

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
      await attempt('writing beside', file, () => writeLike(file.temporary, file.bytes, file.like))
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

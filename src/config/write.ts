import { randomBytes } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { PinyonError } from '../model/errors.ts'
import { readConfigBytes } from './read.ts'

/** How often an edit begins anew because somebody else has changed the file meanwhile. */
const TRIES = 3

/** Renames a finished and fsynced file over another in the same directory, before it returns, and makes that durable. */
export type Publish = (temporary: string, target: string) => Promise<void>

/** How an edited file takes the place of the one that it was made of. */
export interface FileReplacer {
  /** Makes a file, durably, that has the mode, owner, label, access list and extended attributes of another one, or throws. */
  readonly writeLike: (temporary: string, bytes: Uint8Array, like: string) => Promise<void>
  readonly publish: Publish
}

/** A file as it was read. */
interface Original {
  /** Where it is, symbolic links resolved. */
  readonly target: string
  readonly bytes: Uint8Array
  readonly text: string
}

/**
 * Edits a configuration file in one step: readers see the old text or the new one. Mode, owner, label, access list, extended
 * attributes, byte order mark and a symbolic link that leads to the file stay; a text that `edit` gives back unchanged is not
 * written. A file that changes meanwhile is edited anew.
 *
 * @param edit from text to text; what it throws is passed on, and the file is as it was
 * @throws {PinyonError} STORE_FAILED when the file cannot be read or replaced, or does not stay still
 */
export async function editConfigFile(
  file: string,
  edit: (text: string) => string,
  replacer: FileReplacer,
): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    const original = await attempt(file, 'reading', () => readOriginal(file))
    const edited = edit(original.text)
    if (edited === original.text) return
    if (await attempt(file, 'replacing', () => replace(file, original, edited, replacer))) return
  }
  throw new PinyonError('STORE_FAILED', `editing ${file}: it changed meanwhile, times: ${TRIES}`)
}

async function readOriginal(file: string): Promise<Original> {
  const target = realpathSync(file)
  if (!(await stat(target)).isFile()) throw new Error('not a regular file')
  const bytes = readConfigBytes(target)
  if (bytes === undefined) throw new Error('it is too large')
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  return { target, bytes, text }
}

/** False when the file is no longer the original. */
async function replace(
  file: string,
  original: Original,
  text: string,
  { writeLike, publish }: FileReplacer,
): Promise<boolean> {
  const { target } = original
  const suffix = randomBytes(6).toString('hex')
  const temporary = join(dirname(target), `.${basename(target).slice(0, 200)}.${suffix}.tmp`)
  try {
    await writeLike(temporary, Buffer.from(text), target)
    if (!isStill(file, original)) return false
    await publish(temporary, target)
    return true
  } finally {
    await rm(temporary, { force: true })
  }
}

function isStill(file: string, { target, bytes }: Original): boolean {
  if (realpathSync(file) !== target) return false
  const found = readConfigBytes(target)
  return found !== undefined && Buffer.compare(found, bytes) === 0
}

async function attempt<T>(file: string, doing: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new PinyonError('STORE_FAILED', `${doing} the configuration file ${file}: ${reason}`, { cause })
  }
}

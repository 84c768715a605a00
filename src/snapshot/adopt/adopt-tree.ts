import { constants } from 'node:fs'
import { open, readdir, realpath, type FileHandle } from 'node:fs/promises'
import { basename, join, resolve, sep } from 'node:path'

import { PinyonError } from '../../model/errors.ts'
import { SNAPSHOT_NAME } from '../../model/snapshot-name.ts'

/** A file of the tree, open. */
export interface TreeFile {
  readonly path: string
  readonly sizeBytes: number
  /** Must be closed by whoever opened it. */
  readonly handle: FileHandle
}

/** A directory with one mirror: `base`, dated snapshot directories, `latest.txt`. */
export interface TreeMirror {
  readonly name: string
  readonly directory: string
}

/** More than a name and its line break. */
const MAX_LATEST_BYTES = 4_096

/** Files below one directory. Symbolic links within it are followed, those that lead out of it are refused. */
export class Tree {
  /** Absolute, without symbolic links. */
  readonly root: string
  /** The root as it was named. */
  readonly #named: string

  private constructor(root: string, named: string) {
    this.root = root
    this.#named = named
  }

  /** @throws PinyonError ADOPTION_REFUSED for what is no directory, or may not be looked into */
  static async open(directory: string): Promise<Tree> {
    const named = resolve(directory)
    try {
      const root = await realpath(named)
      await readdir(root)
      return new Tree(root, named)
    } catch (error) {
      throw refused(`looking into ${named}`, error)
    }
  }

  /** Its mirrors by name: those directly below it, or the one that it is itself. */
  async mirrors(): Promise<readonly TreeMirror[]> {
    if (await this.#isMirror(this.root)) return [{ name: basename(this.#named), directory: this.root }]
    const mirrors: TreeMirror[] = []
    for (const name of await this.directories(this.root)) {
      const directory = join(this.root, name)
      if (await this.#isMirror(directory)) mirrors.push({ name, directory })
    }
    return mirrors
  }

  /** Names of the directories directly below one, in order; none when it is not there. */
  async directories(directory: string): Promise<readonly string[]> {
    try {
      const entries = await readdir(directory, { withFileTypes: true })
      // What a link leads to is seen when it is opened.
      const names = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      return names.map(({ name }) => name).toSorted()
    } catch (error) {
      if (isAbsent(error)) return []
      throw refused(`looking into ${directory}`, error)
    }
  }

  /** Whether a snapshot's directory holds more than repodata. */
  async hasPackages(directory: string): Promise<boolean> {
    try {
      return (await readdir(directory)).some((name) => name !== 'repodata')
    } catch (error) {
      if (isAbsent(error)) return false
      throw refused(`looking into ${directory}`, error)
    }
  }

  /**
   * Opens a file; undefined when there is none, or something else of this name.
   * @throws PinyonError ADOPTION_REFUSED for what may not be read or lies outside
   */
  async openFile(path: string): Promise<TreeFile | undefined> {
    let handle: FileHandle | undefined
    try {
      const real = await realpath(path)
      if (!real.startsWith(this.root + sep)) throw new Error(`a link leads out of the tree, to ${real}`)
      // Opening a named pipe would else wait for its writer.
      handle = await open(real, constants.O_RDONLY | constants.O_NONBLOCK)
      const facts = await handle.stat()
      if (facts.isFile()) return { path, sizeBytes: facts.size, handle }
      await handle.close()
      return undefined
    } catch (error) {
      await handle?.close()
      if (isAbsent(error)) return undefined
      throw refused(`reading ${path}`, error)
    }
  }

  /** What a mirror's `latest.txt` names, undefined when it is not there. Readers of old took all but the line breaks at its end. */
  async readLatest(mirror: TreeMirror): Promise<string | undefined> {
    const file = await this.openFile(join(mirror.directory, 'latest.txt'))
    if (file === undefined) return undefined
    try {
      const buffer = Buffer.alloc(MAX_LATEST_BYTES)
      const { bytesRead } = await file.handle.read(buffer, 0, buffer.length, 0)
      return buffer.toString('utf8', 0, bytesRead).replace(/\n+$/, '')
    } catch (error) {
      throw refused(`reading ${file.path}`, error)
    } finally {
      await file.handle.close()
    }
  }

  async #isMirror(directory: string): Promise<boolean> {
    const names = await this.directories(directory)
    return names.some((name) => name === 'base' || SNAPSHOT_NAME.test(name))
  }
}

/** The bytes of an open file, in pieces; closes it. Throws ADOPTION_REFUSED when the disk does not give them. */
export async function* readTreeFile(file: TreeFile): AsyncIterable<Buffer> {
  try {
    const stream = file.handle.createReadStream({ autoClose: false, highWaterMark: READ_BYTES })
    yield* stream as AsyncIterable<Buffer>
  } catch (error) {
    throw refused(`reading ${file.path}`, error)
  } finally {
    await file.handle.close()
  }
}

const READ_BYTES = 256 << 10

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '')
}

function refused(doing: string, error: unknown): PinyonError {
  const { code, message } = error as NodeJS.ErrnoException
  return new PinyonError('ADOPTION_REFUSED', `${doing}: ${code ?? message}`, { cause: error })
}

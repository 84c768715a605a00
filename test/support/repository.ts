import { copyFileSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { digestHex, digestOf } from '../../src/model/digest.ts'
import { compressBytes, FIRST_REVISION } from './repodata-files.ts'
import { mustRun } from './run-command.ts'

export interface CreateRepositoryOptions {
  /** Compression of all repodata; default gz. */
  readonly compress?: 'gz' | 'zst' | 'xz' | 'bz2'
  /** `<revision>`, and seconds since the epoch of every file's time; default 1577836800. */
  readonly revision?: number
  /** Further arguments of createrepo_c: `['--database']`, `['--simple-md-filenames']`. */
  readonly args?: readonly string[]
}

/**
 * Runs createrepo_c over a directory of packages; equal packages, times and options give equal repodata. Older createrepo_c know
 * no zstd, so for `zst` its gzip files are compressed anew.
 */
export async function createRepository(dir: string, options: CreateRepositoryOptions = {}): Promise<void> {
  const { compress = 'gz', revision = FIRST_REVISION, args = [] } = options
  const compression = compress === 'zst' ? 'gz' : compress
  // createrepo_c heeds the first of the two.
  const database = args.includes('--database') ? [] : ['--no-database']
  const fixed = ['--quiet', ...database, `--revision=${revision}`, '--set-timestamp-to-revision']
  mkdirSync(dir, { recursive: true })
  await mustRun('createrepo_c', [...fixed, `--general-compress-type=${compression}`, ...args, dir])
  if (compress === 'zst') recompress(dir)
}

/** A repository whose packages come and go; {@link publish} is what upstream's next push is. */
export class RepositoryTree {
  readonly dir: string
  readonly #options: CreateRepositoryOptions
  #generation = 0

  constructor(dir: string, options: CreateRepositoryOptions = {}) {
    this.dir = dir
    this.#options = options
    mkdirSync(this.#packages, { recursive: true })
  }

  get #packages(): string {
    return join(this.dir, 'Packages')
  }

  /** Copies package files in; listed from the next publish on. */
  add(...paths: readonly string[]): this {
    for (const path of paths) copyFileSync(path, join(this.#packages, basename(path)))
    return this
  }

  /** Deletes packages by file name; still listed until the next publish. */
  remove(...fileNames: readonly string[]): this {
    for (const fileName of fileNames) unlinkSync(join(this.#packages, fileName))
    return this
  }

  /** Replaces the repodata by those of the packages there now; gives the generation's number, 1 for the first. */
  async publish(): Promise<number> {
    this.#generation += 1
    const revision = (this.#options.revision ?? FIRST_REVISION) + this.#generation
    await createRepository(this.dir, { ...this.#options, revision })
    return this.#generation
  }
}

/** Compresses what repomd.xml names with zstd in place of gzip, and rewrites the elements that say so. */
function recompress(dir: string): void {
  const repomdPath = join(dir, 'repodata/repomd.xml')
  const repomd = readFileSync(repomdPath, 'utf8').replace(/<data .*?<\/data>/gs, (element) => {
    const href = /<location href="([^"]+)\.gz"\/>/.exec(element)?.[1]
    if (href === undefined) return element
    const old = readFileSync(join(dir, `${href}.gz`))
    const bytes = compressBytes(gunzipSync(old), 'zst')
    const hex = digestHex(digestOf(bytes))
    const oldHex = digestHex(digestOf(old))
    unlinkSync(join(dir, `${href}.gz`))
    writeFileSync(join(dir, `${href.replace(oldHex, hex)}.zst`), bytes)
    return element
      .replaceAll(oldHex, hex)
      .replace('.gz"/>', '.zst"/>')
      .replace(/<size>\d+/, `<size>${bytes.length}`)
  })
  writeFileSync(repomdPath, repomd)
}

import { readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'

import { writeSyntheticRepository } from '../../test/support/synthetic-repository.ts'
import { createPackageMix, type MixedPackage } from './package-mix.ts'

/** Sizes that are measured alone, as cases name them. */
const SIZES: Readonly<Record<string, number>> = {
  '2 KB': 2 << 10,
  '64 KB': 64 << 10,
  '1 MB': 1 << 20,
  '32 MB': 32 << 20,
}

/** Packages that the mix chooses from: some 80 MB. */
const MIXED = 200

/** A file of the repository. */
export interface HotFile {
  /** From the repository's root on, with a slash. */
  readonly path: string
  readonly sizeBytes: number
  readonly sha256: string
}

/** What hits are measured with. */
export interface HotRepository {
  /** By the name of their size. */
  readonly sizes: ReadonlyMap<string, HotFile>
  readonly mix: readonly (HotFile & MixedPackage)[]
  /** Reads a part of a file: first and last byte, as in a Range. */
  digestOfRange(file: HotFile, first: number, last: number): string
}

/** Writes a repository with a package of each size, and those of the mix. */
export function writeHotRepository(root: string, seed: number): HotRepository {
  const mix = createPackageMix(MIXED, seed)
  const sized = Object.entries(SIZES)
  const wanted = [
    ...sized.map(([size, content]) => ({ name: `size-${size.replace(' ', '').toLowerCase()}`, content })),
    ...mix.map(({ name, sizeBytes }) => ({ name, content: sizeBytes })),
  ]
  const { packages } = writeSyntheticRepository(root, { packages: wanted })
  const files = packages.map(({ href, size, checksum }) => ({
    path: `/${href}`,
    sizeBytes: size,
    sha256: checksum.slice('sha256:'.length),
  }))
  const at = (index: number): HotFile => files[index] ?? { path: '', sizeBytes: 0, sha256: '' }
  return {
    sizes: new Map(sized.map(([size], index) => [size, at(index)])),
    mix: mix.map((one, index) => ({ ...one, ...at(sized.length + index) })),
    digestOfRange: (file, first, last) =>
      sha256(readFileSync(`${root}${file.path}`).subarray(first, last + 1)),
  }
}

/** Of bytes, in hex. */
export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

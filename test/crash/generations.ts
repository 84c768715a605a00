import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { digestOf, type Digest } from '../../src/model/digest.ts'
import { writeSyntheticRepository, type SyntheticPackage } from '../support/synthetic-repository.ts'

/** What one generation of the upstream repository holds: path → digest. */
export interface Generation {
  readonly number: number
  readonly repomd: Digest
  readonly repodata: ReadonlyMap<string, Digest>
  readonly packages: ReadonlyMap<string, Digest>
  /** Packages that came with this generation, so that nobody has fetched them yet. */
  readonly fresh: readonly string[]
}

/** How much there is in each generation. */
export interface GenerationSizes {
  /** A multiple of four. */
  readonly packages: number
  readonly smallBytes: number
  /** Of the first package. */
  readonly bigBytes: number
}

const SIZES: GenerationSizes = { packages: 24, smallBytes: 120_000, bigBytes: 1_500_000 }

/** An upstream repository that moves on; remembers what each of its generations held. */
export class Generations {
  readonly dir: string
  readonly all: Generation[] = []
  readonly #sizes: GenerationSizes

  constructor(dir: string, sizes: GenerationSizes = SIZES) {
    this.dir = dir
    this.#sizes = sizes
  }

  get newest(): Generation {
    const newest = this.all.at(-1)
    if (newest === undefined) throw new Error('nothing was published yet')
    return newest
  }

  /** Publishes the next one in place: some packages change, one of them big; a repeated call never repeats content. */
  publish(): Generation {
    const number = this.all.length
    const { packages: count, smallBytes, bigBytes } = this.#sizes
    const packages = Array.from({ length: count }, (_, index): SyntheticPackage => {
      const changedAt = Math.max(0, number - ((number + index) % (count / 4)))
      const content = index === 0 ? bigBytes : smallBytes
      return { name: `p${index}`, version: `1.${index === 0 ? number : changedAt}`, content }
    })
    const written = writeSyntheticRepository(this.dir, { packages, revision: 1_600_000_000 + number })
    const digests = new Map(written.packages.map(({ href, checksum }) => [href, checksum]))
    const before = this.all.at(-1)?.packages
    const generation = {
      number,
      repomd: digestOf(readFileSync(join(this.dir, 'repodata/repomd.xml'))),
      repodata: new Map(written.records.map(({ href, checksum }) => [href, checksum])),
      packages: digests,
      fresh: [...digests.keys()].filter((href) => before?.has(href) !== true),
    }
    this.all.push(generation)
    return generation
  }
}

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

const PACKAGES = 24
const SMALL_BYTES = 120_000
const BIG_BYTES = 1_500_000

/** An upstream repository that moves on; remembers what each of its generations held. */
export class Generations {
  readonly dir: string
  readonly all: Generation[] = []

  constructor(dir: string) {
    this.dir = dir
  }

  get newest(): Generation {
    const newest = this.all.at(-1)
    if (newest === undefined) throw new Error('nothing was published yet')
    return newest
  }

  /** Publishes the next one in place: five packages change, one of them big; a repeated call never repeats content. */
  publish(): Generation {
    const number = this.all.length
    const packages = Array.from({ length: PACKAGES }, (_, index): SyntheticPackage => {
      const changedAt = Math.max(0, number - ((number + index) % (PACKAGES / 4)))
      const content = index === 0 ? BIG_BYTES : SMALL_BYTES
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

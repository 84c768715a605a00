import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'

import { digestOf, type Digest } from '../../src/model/digest.ts'
import type { Gpg } from '../support/gpg.ts'
import type { Random } from '../support/random.ts'
import { FIRST_REVISION } from '../support/repodata-files.ts'
import { writeSyntheticRepository, type SyntheticPackage } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import type { Behaviour } from '../support/upstream-behaviour.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

/** One generation of an upstream repository. */
export interface Tree {
  readonly mirror: string
  readonly number: number
  readonly dir: string
  readonly repomd: Digest
  readonly repodata: ReadonlyMap<string, Digest>
  /** Path → digest and bytes. */
  readonly packages: ReadonlyMap<string, { readonly digest: Digest; readonly size: number }>
}

/** Mirrors, and from how many sources each comes; one of them is signed. */
export const MIRRORS = { plain: 1, pair: 2, signed: 1 } as const
export type MirrorName = keyof typeof MIRRORS

const SIZES = [900, 5_000, 17_000, 40_000, 90_000, 260_000, 500_000] as const
const PACKAGES = 12
/** Of so many generations files are kept: what reads them is over long since. */
const KEPT_GENERATIONS = 6

/** Upstream repositories that move on, and all that they ever were. */
export class Repositories {
  /** By the digest of repomd.xml. */
  readonly trees = new Map<Digest, Tree>()
  readonly keyFile: string
  readonly sources: Readonly<Record<MirrorName, readonly Upstream[]>>
  readonly #root: string
  readonly #gpg: Gpg | undefined
  readonly #random: Random
  readonly #newest = new Map<MirrorName, Tree>()
  readonly #versions = new Map<MirrorName, number[]>()

  private constructor(parts: {
    root: string
    gpg: Gpg | undefined
    keyFile: string
    random: Random
    sources: Readonly<Record<MirrorName, readonly Upstream[]>>
  }) {
    this.#root = parts.root
    this.#gpg = parts.gpg
    this.#random = parts.random
    this.keyFile = parts.keyFile
    this.sources = parts.sources
  }

  /** Starts the upstreams, each mirror with one generation. @param gpg undefined where there is none: then nothing is signed */
  static async start(t: TestContext, random: Random, gpg: Gpg | undefined): Promise<Repositories> {
    const root = tempDir(t)
    const keyFile = join(root, 'RPM-GPG-KEY')
    if (gpg !== undefined) {
      const key = await gpg.generate('Soak <soak@example.org>', { algorithm: 'ed25519' })
      writeFileSync(keyFile, await gpg.export([key]))
    }
    const start = (count: number) => Promise.all(Array.from({ length: count }, () => startUpstream(t, root)))
    const sources = {
      plain: await start(MIRRORS.plain),
      pair: await start(MIRRORS.pair),
      signed: await start(MIRRORS.signed),
    }
    const repositories = new Repositories({ root, gpg, keyFile, random, sources })
    for (const mirror of Object.keys(MIRRORS) as MirrorName[]) await repositories.publish(mirror)
    return repositories
  }

  newest(mirror: MirrorName): Tree {
    const tree = this.#newest.get(mirror)
    if (tree === undefined) throw new Error(`nothing was published of: ${mirror}`)
    return tree
  }

  /** Whether every source of a mirror has this file now. */
  has(mirror: MirrorName, path: string): boolean {
    return this.sources[mirror].every(({ root }) => existsSync(join(root, path)))
  }

  /** Publishes the next generation: at every source, or the second one stays behind. Files of old packages go at once, or stay. */
  async publish(mirror: MirrorName, { outOfStep = false } = {}): Promise<Tree> {
    const before = this.#newest.get(mirror)
    const tree = await this.#write(mirror, (before?.number ?? 0) + 1)
    if (before !== undefined && this.#random.once(2)) keepFiles(before, tree)
    this.#newest.set(mirror, tree)
    this.trees.set(tree.repomd, tree)
    for (const [at, source] of this.sources[mirror].entries())
      if (at === 0 || !outOfStep || before === undefined) source.root = tree.dir
    const old = [...this.trees.values()].find(
      (one) => one.mirror === mirror && one.number === tree.number - KEPT_GENERATIONS,
    )
    if (old !== undefined) rmSync(old.dir, { recursive: true, force: true })
    return tree
  }

  /** Sets how every source of a mirror behaves, or one of them. */
  behave(mirror: MirrorName, behaviour: Behaviour | undefined, only?: number): void {
    for (const [at, source] of this.sources[mirror].entries())
      if (only === undefined || only === at)
        source.rules = behaviour === undefined ? [] : [{ match: /./, ...behaviour }]
  }

  /** All sources are of the newest generation again, and answer as they should. */
  async heal(mirror: MirrorName): Promise<void> {
    this.behave(mirror, undefined)
    for (const source of this.sources[mirror]) {
      source.root = this.newest(mirror).dir
      await source.stop()
      await source.start()
    }
  }

  async #write(mirror: MirrorName, number: number): Promise<Tree> {
    const versions = this.#versions.get(mirror) ?? Array.from({ length: PACKAGES }, () => 0)
    for (let changed = 0; changed < 4; changed += 1) versions[this.#random.below(PACKAGES)] = number
    this.#versions.set(mirror, versions)
    const packages = versions.map((version, at): SyntheticPackage => {
      const content = SIZES[(at + version) % SIZES.length] ?? 0
      return { name: `${mirror}-p${at}`, version: `1.${version}`, content }
    })
    const dir = join(this.#root, mirror, `${number}`)
    mkdirSync(dir, { recursive: true })
    const simpleNames = this.#random.once(3)
    const written = writeSyntheticRepository(dir, {
      packages,
      simpleNames,
      revision: FIRST_REVISION + number,
    })
    // As old as files are: of what changed just now there is no validator.
    for (const { path } of written.packages) utimesSync(path, FIRST_REVISION, FIRST_REVISION)
    const repomd = readFileSync(join(dir, 'repodata/repomd.xml'))
    if (mirror === 'signed' && this.#gpg !== undefined)
      writeFileSync(
        join(dir, 'repodata/repomd.xml.asc'),
        await this.#gpg.sign(repomd, { keys: ['soak@example.org'] }),
      )
    return {
      mirror,
      number,
      dir,
      repomd: digestOf(repomd),
      repodata: new Map(written.records.map(({ href, checksum }) => [href, checksum])),
      packages: new Map(
        written.packages.map(({ href, checksum, size }) => [href, { digest: checksum, size }]),
      ),
    }
  }
}

/** Packages of the generation before stay where they are, though no longer listed. */
function keepFiles(before: Tree, now: Tree): void {
  for (const path of before.packages.keys()) {
    if (!existsSync(join(before.dir, path)) || existsSync(join(now.dir, path))) continue
    mkdirSync(dirname(join(now.dir, path)), { recursive: true })
    linkSync(join(before.dir, path), join(now.dir, path))
  }
}

import { readFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { formatMetalink, type MetalinkText } from '../../support/metalink.ts'
import { writeSyntheticRepository, type SyntheticPackage } from '../../support/synthetic-repository.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../../support/upstream.ts'
import { writeSettledFile } from '../../upstream/settled-file.ts'
import { openMirror, type MirrorOptions, type MirrorUnderTest } from '../mirror-under-test.ts'

/** A repomd.xml of a generation, as a metalink names it. */
export type Published = MetalinkText['repomds'][number]

/** Revisions and file times of generation 0. */
const FIRST_SECONDS = 1_600_000_000

/** Mirrors of one repository, each with a directory of its own below another path, and a server that lists them. */
export class MetalinkFarm {
  readonly mirrors: readonly Upstream[]
  readonly lists: Upstream
  readonly #t: TestContext
  #version = 0

  private constructor(t: TestContext, mirrors: readonly Upstream[], lists: Upstream) {
    this.#t = t
    this.mirrors = mirrors
    this.lists = lists
  }

  static async start(t: TestContext, count: number): Promise<MetalinkFarm> {
    const mirrors = Array.from({ length: count }, () => startUpstream(t, tempDir(t)))
    return new MetalinkFarm(t, await Promise.all(mirrors), await startUpstream(t, tempDir(t)))
  }

  /** Where a mirror has the repository: each at another depth. */
  baseurl(index: number): string {
    return `${this.mirrors[index]?.url ?? ''}${this.#below(index)}`
  }

  get listUrl(): string {
    return `${this.lists.url}list?repo=r`
  }

  /** Publishes the next generation at these mirrors; the others stay behind. */
  publish(packages: readonly SyntheticPackage[], ...indexes: readonly number[]): Published {
    this.#version += 1
    const timestamp = FIRST_SECONDS + this.#version
    let bytes = Buffer.of()
    for (const index of indexes) {
      const dir = this.dir(index)
      writeSyntheticRepository(dir, { packages, revision: timestamp })
      const repomd = join(dir, 'repodata/repomd.xml')
      utimesSync(repomd, timestamp, timestamp)
      bytes = readFileSync(repomd)
    }
    return { bytes, timestamp }
  }

  /** The directory of a mirror's repository. */
  dir(index: number): string {
    return join(this.mirrors[index]?.root ?? '', this.#below(index))
  }

  /** Lists these repomd.xml's, the newest first, and the mirrors in their order, or others. */
  list(repomds: readonly Published[], urls: readonly string[] = this.#urls()): void {
    const preferred = urls.map((url, index) => ({ url, preference: 100 - index }))
    writeSettledFile(this.lists.root, 'list', formatMetalink({ repomds, urls: preferred }))
  }

  /** Lists the mirrors in their order, a URL a line. */
  listPlainly(): void {
    const lines = this.mirrors.map((_, index) => `${this.baseurl(index)}\n`)
    writeSettledFile(this.lists.root, 'list', `# repo = r\n${lines.join('')}`)
  }

  /** A mirror of them all. */
  open(options: Partial<MirrorOptions> = {}, kind: 'metalink' | 'mirrorlist' = 'metalink'): MirrorUnderTest {
    return openMirror(this.#t, { baseurls: [], list: { kind, url: this.listUrl }, ...options })
  }

  /** How many requests each got since the last call: the lists' server, then the mirrors. */
  counts(): number[] {
    const all = [this.lists, ...this.mirrors]
    const counts = all.map((one) => one.count())
    for (const one of all) one.requests.length = 0
    return counts
  }

  #below(index: number): string {
    return `${'deep/'.repeat(index)}m${index}/`
  }

  #urls(): string[] {
    return this.mirrors.map((_, index) => `${this.baseurl(index)}repodata/repomd.xml`)
  }
}

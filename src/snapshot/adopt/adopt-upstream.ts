import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { PinyonError } from '../../model/errors.ts'
import type { Upstream, UpstreamReply, UpstreamRequest } from '../../upstream/upstream.ts'
import { readTreeFile, type Tree } from './adopt-tree.ts'
import { COMPANIONS, REPOMD_PATH } from '../repomd-source.ts'

const OWN_PATHS: readonly string[] = [REPOMD_PATH, ...COMPANIONS.map(({ path }) => path)]

/**
 * One snapshot of an old mirror as a source to capture from. Its own directory may have all of its repodata, or nothing but repomd.xml:
 * the other files are then those of this name in `base`. What repomd.xml does not name (itself, its signature) is never taken from
 * there: that one is another generation's.
 */
export class TreeUpstream implements Upstream {
  readonly baseurls: readonly string[]
  readonly #tree: Tree
  readonly #directories: readonly string[]

  /** @param directories the dated directory, then `base` */
  constructor(tree: Tree, directories: readonly string[]) {
    this.#tree = tree
    this.#directories = directories
    this.baseurls = directories.map((directory) => pathToFileURL(`${directory}/`).href)
  }

  async get(href: string, request: UpstreamRequest = {}): Promise<UpstreamReply> {
    const places = OWN_PATHS.includes(href) ? [0] : this.#order(request.firstBaseurl ?? 0)
    for (const place of places) {
      const file = await this.#tree.openFile(join(this.#directories[place] ?? '', href))
      if (file === undefined) continue
      const baseurl = this.baseurls[place] ?? ''
      return { status: 200, baseurl, validators: {}, body: readTreeFile(file) }
    }
    // Shown to everybody as a defect: the tree's own place is nobody's business.
    const where = places.map((place) => basename(this.#directories[place] ?? '')).toSorted()
    throw new PinyonError(
      'UPSTREAM_GONE',
      `the old tree has it neither in ${where.join(' nor in ')}: ${href}`,
    )
  }

  async close(): Promise<void> {
    // Files are closed by whoever reads them.
  }

  /** Of a file that was wrong in one place there may be a right one in the other. */
  #order(first: number): number[] {
    const count = this.#directories.length
    return this.#directories.map((_, index) => (first + index) % count)
  }
}

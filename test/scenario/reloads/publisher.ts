import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { digestOf, type Digest } from '../../../src/model/digest.ts'
import { writeSyntheticRepository } from '../../support/synthetic-repository.ts'
import { tempDir } from '../../support/temp-dir.ts'

/** What a repomd.xml stands for: what must be had below every snapshot that has these bytes. */
export interface PublishedTree {
  readonly repository: string
  readonly files: readonly { readonly href: string; readonly digest: Digest }[]
  /** The package that came with it, which upstream will really forget. */
  readonly newcomer: string
}

/** For so many generations upstream lists a package that came. */
const LISTED_GENERATIONS = 3
/** Small packages that each push updates: so many that most are asked for late, or never. */
const SMALL_PACKAGES = 8
/** More than the part of an answer that is held back until it is known to be right. */
const LARGE_BYTES = 20_000

/**
 * Several repositories on one port, in memory, so that a push is one step. Each push updates some packages, adds one and no longer lists another;
 * the files stay, unless {@link forget} is called. Of old repodata nothing is left.
 */
export class Publisher {
  readonly url: string
  /** By the digest of repomd.xml. */
  readonly trees = new Map<Digest, PublishedTree>()
  readonly #dir: string
  readonly #files: Map<string, Buffer>
  readonly #generations = new Map<string, number>()

  private constructor(url: string, dir: string, files: Map<string, Buffer>) {
    this.url = url
    this.#dir = dir
    this.#files = files
  }

  static async start(t: TestContext): Promise<Publisher> {
    const files = new Map<string, Buffer>()
    const server = createServer(({ url = '' }, response) => {
      const body = files.get(url)
      response.writeHead(body === undefined ? 404 : 200, { 'Content-Length': body?.length ?? 0 })
      response.end(body)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.close()
      server.closeAllConnections()
    })
    return new Publisher(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, tempDir(t), files)
  }

  baseurl(repository: string): string {
    return `${this.url}/${repository}/`
  }

  /** Makes the next generation of a repository. */
  push(repository: string): PublishedTree {
    const generation = (this.#generations.get(repository) ?? 0) + 1
    this.#generations.set(repository, generation)
    const root = join(this.#dir, repository)
    const { packages, records } = writeSyntheticRepository(root, {
      packages: packagesAt(repository, generation),
    })
    const prefix = `/${repository}/`
    for (const path of this.#files.keys()) if (path.startsWith(`${prefix}repodata/`)) this.#files.delete(path)
    const listed = [...packages, ...records].map(({ href, checksum }) => ({ href, digest: checksum }))
    const repomd = readFileSync(join(root, 'repodata/repomd.xml'))
    for (const { href } of listed) this.#files.set(prefix + href, readFileSync(join(root, href)))
    this.#files.set(`${prefix}repodata/repomd.xml`, repomd)
    const newcomer = packages.find(({ name }) => name === newcomerName(repository, generation))?.href ?? ''
    const tree = { repository, files: listed, newcomer }
    this.trees.set(digestOf(repomd), tree)
    return tree
  }

  /** Deletes a package's file. */
  forget({ repository, newcomer }: PublishedTree): void {
    if (!this.#files.delete(`/${repository}/${newcomer}`)) throw new Error(`there is no ${newcomer}`)
  }
}

function newcomerName(repository: string, generation: number): string {
  return `${repository}-new-${generation}`
}

function packagesAt(repository: string, generation: number) {
  const oldest = Math.max(1, generation - LISTED_GENERATIONS + 1)
  const newcomers = Array.from({ length: generation - oldest + 1 }, (_, at) => ({
    name: newcomerName(repository, oldest + at),
    content: 700,
  }))
  return [
    { name: `${repository}-stays`, content: LARGE_BYTES },
    { name: `${repository}-updated`, version: `1.${generation}`, content: LARGE_BYTES },
    ...Array.from({ length: SMALL_PACKAGES }, (_, at) => ({
      name: `${repository}-small-${at}`,
      version: `1.${generation}`,
      content: 700,
    })),
    ...newcomers,
  ]
}

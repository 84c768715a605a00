import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { blobPath, createLayout } from '../../src/cache/layout.ts'
import { httpGet } from '../support/http-get.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { Generations, type Generation } from './generations.ts'
import { MIRROR, openApp } from './recovery.ts'

/** One is answered in a piece, the other in several. */
const SIZES = { packages: 8, smallBytes: 20_000, bigBytes: 90_000 }
const GENERATIONS = 4
const HOUR_MS = 3_600_000

/** What a scenario finds. */
export interface Template {
  /** So many generations were synced before, an hour apart, the last one a day ago. */
  readonly synced: number
  /** Of each generation so many packages were fetched. */
  readonly fetched: number
  /** The first one of them; 0 unless told. */
  readonly from?: number
  /** Of the last generation, what has rotted on the disk since: packages and files of the repodata, by their numbers. */
  readonly damaged?: { readonly packages: readonly number[]; readonly records: readonly number[] }
  /** Further keys of the configuration by then. */
  readonly config?: Readonly<Record<string, unknown>>
}

/** An upstream whose generations can be had again in any order, and directories that servers have left. */
export class CallFarm {
  readonly upstream: Upstream
  readonly generations: Generations
  readonly #scratch: string
  readonly #templates = new Map<string, string>()

  private constructor(upstream: Upstream, generations: Generations, scratch: string) {
    this.upstream = upstream
    this.generations = generations
    this.#scratch = scratch
  }

  /** @param bigBytes of the first package of each generation */
  static async start(t: TestContext, bigBytes: number = SIZES.bigBytes): Promise<CallFarm> {
    const scratch = tempDir(t)
    const generations = new Generations(join(scratch, 'upstream'), { ...SIZES, bigBytes })
    mkdirSync(generations.dir)
    for (let number = 0; number < GENERATIONS; number += 1) {
      generations.publish()
      // With all packages that it had before.
      cpSync(generations.dir, join(scratch, `generation-${number}`), {
        recursive: true,
        preserveTimestamps: true,
      })
    }
    return new CallFarm(await startUpstream(t, generations.dir), generations, scratch)
  }

  /** Has upstream serve a generation. */
  serve(number: number): void {
    this.upstream.root = join(this.#scratch, `generation-${number}`)
  }

  /** The generation that upstream serves. */
  get served(): Generation {
    return this.generation(Number(this.upstream.root.split('-').at(-1)))
  }

  generation(number: number): Generation {
    const found = this.generations.all[number]
    if (found === undefined) throw new Error(`there is no generation ${number}`)
    return found
  }

  /** Makes a directory that a server has left in good order, with its configuration. */
  async lay(dir: string, template: Template): Promise<void> {
    const key = JSON.stringify(template)
    const made = this.#templates.get(key) ?? (await this.#make(template))
    this.#templates.set(key, made)
    cpSync(made, dir, { recursive: true, preserveTimestamps: true })
    this.serve(Math.max(0, (template.from ?? 0) + template.synced - 1))
  }

  /** Lays out generations as the server before pinyon did, named by days long ago; gives the directory of its mirrors. */
  layOldTree(numbers: readonly number[]): string {
    const root = join(this.#scratch, 'old-tree')
    const base = join(root, MIRROR, 'base')
    for (const number of numbers) {
      const from = join(this.#scratch, `generation-${number}`)
      cpSync(from, base, { recursive: true, preserveTimestamps: true })
      const repodata = join(root, MIRROR, `2018-11-0${number + 1}-00-00`, 'repodata')
      mkdirSync(repodata, { recursive: true })
      cpSync(join(from, 'repodata/repomd.xml'), join(repodata, 'repomd.xml'), { preserveTimestamps: true })
    }
    return root
  }

  async #make(template: Template): Promise<string> {
    const { synced, config, damaged } = template
    const dir = join(this.#scratch, `template-${this.#templates.size}`)
    mkdirSync(dir)
    const mirrors = { [MIRROR]: { baseurl: this.upstream.url, retries: 0 } }
    const settings = { listen: '127.0.0.1:0', data_dir: './data', sync_interval: 'off', workers: 1, mirrors }
    const file = join(dir, 'pinyon.yaml')
    writeFileSync(file, JSON.stringify(settings))
    if (synced > 0) await this.#sync(dir, template)
    if (damaged !== undefined) this.#damage(join(dir, 'data'), damaged)
    writeFileSync(file, JSON.stringify({ ...settings, ...config }))
    return dir
  }

  /** Turns a byte around of each. */
  #damage(dataDir: string, { packages, records }: NonNullable<Template['damaged']>): void {
    const listed = [...this.served.packages.values()]
    const repodata = [...this.served.repodata.values()]
    const digests = [
      ...packages.map((number) => listed[number]),
      ...records.map((number) => repodata[number]),
    ]
    for (const digest of digests) {
      if (digest === undefined) throw new Error('there is no such file to damage')
      const path = blobPath(createLayout(dataDir), digest)
      const bytes = readFileSync(path)
      bytes[bytes.length >> 1] = ~(bytes[bytes.length >> 1] ?? 0) & 0xff
      writeFileSync(path, bytes)
    }
  }

  async #sync(dir: string, { synced, fetched, from = 0 }: Template): Promise<void> {
    let nowMs = Date.now() - 24 * HOUR_MS
    const { app, url } = await openApp(dir, () => nowMs)
    for (let number = from; number < from + synced; number += 1) {
      this.serve(number)
      await app.sync(MIRROR)
      const paths = [...this.generation(number).packages.keys()].slice(0, fetched)
      for (const path of paths) await httpGet(`${url}/repos/yum/${MIRROR}/latest/${path}`)
      nowMs += HOUR_MS
    }
    await app.close()
  }
}

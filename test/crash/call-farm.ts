import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

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
    this.serve(Math.max(0, template.synced - 1))
  }

  async #make({ synced, fetched, config }: Template): Promise<string> {
    const dir = join(this.#scratch, `template-${this.#templates.size}`)
    mkdirSync(dir)
    const mirrors = { [MIRROR]: { baseurl: this.upstream.url, retries: 0 } }
    const settings = { listen: '127.0.0.1:0', data_dir: './data', sync_interval: 'off', mirrors }
    const file = join(dir, 'pinyon.yaml')
    writeFileSync(file, JSON.stringify(settings))
    if (synced > 0) await this.#sync(dir, synced, fetched)
    writeFileSync(file, JSON.stringify({ ...settings, ...config }))
    return dir
  }

  async #sync(dir: string, synced: number, fetched: number): Promise<void> {
    let nowMs = Date.now() - 24 * HOUR_MS
    const { app, url } = await openApp(dir, () => nowMs)
    for (let number = 0; number < synced; number += 1) {
      this.serve(number)
      await app.sync(MIRROR)
      const paths = [...this.generation(number).packages.keys()].slice(0, fetched)
      for (const path of paths) await httpGet(`${url}/repos/yum/${MIRROR}/latest/${path}`)
      nowMs += HOUR_MS
    }
    await app.close()
  }
}

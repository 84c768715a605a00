import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { DiskBlobStore } from '../../../src/cache/disk-blob-store.ts'
import { createLayout, temporaryPath } from '../../../src/cache/layout.ts'
import { rebuild, type Rebuilt } from '../../../src/app/rebuilder.ts'
import { adoptMirror } from '../../../src/snapshot/adopt/adopt.ts'
import { Tree } from '../../../src/snapshot/adopt/adopt-tree.ts'
import type { Snapshot, SnapshotReader } from '../../../src/snapshot/store.ts'
import { SqliteSnapshotStore } from '../../../src/snapshot/sqlite-snapshot-store.ts'
import { Claims } from '../../../src/system/claims.ts'
import { OldMirrorTree } from '../../support/old-tree.ts'
import { createConfig, startApp, type StartAppOptions, type StartedApp } from '../../support/start-app.ts'
import { writeSyntheticRepository, type SyntheticOptions } from '../../support/synthetic-repository.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { recordAnswers, type Answer } from './answers.ts'

const HOUR_MS = 3_600_000
const OLD_DAYS = ['2018-11-01-00-00', '2018-11-02-00-00', '2018-11-05-00-00'] as const
export const VIEWS = ['job-1', 'job-2'] as const

type Mirrors = StartAppOptions['mirrors']

/** A farm that has seen all that a database can hold, and can be taken down, damaged, made anew, and asked for everything. */
export class StoriedFarm {
  dataDir: string
  readonly #t: TestContext
  readonly #upstream: string
  /** Paths of what is gone. */
  readonly gone: string[] = []
  #nowMs = Date.UTC(2026, 0, 1)
  /** The configuration that it ends with. */
  mirrors: Mirrors = {}

  private constructor(t: TestContext) {
    this.#t = t
    this.dataDir = join(tempDir(t), 'data')
    this.#upstream = tempDir(t)
  }

  /** Lives a history: packages come, go, and are replaced, with and without repodata alone changing; pins, adoption, retirement, removal, views. */
  static async create(t: TestContext): Promise<StoriedFarm> {
    const farm = new StoriedFarm(t)
    await farm.#begin()
    await farm.#pinAndAdopt()
    await farm.#end()
    return farm
  }

  /** Publishes a generation of a mirror upstream. */
  publish(mirror: string, options: SyntheticOptions): void {
    writeSyntheticRepository(join(this.#upstream, mirror), options)
  }

  /** Starts it with the last configuration, or another one. */
  async start(mirrors: Mirrors = this.mirrors): Promise<StartedApp> {
    return await startApp(this.#t, {
      dataDir: this.dataDir,
      mirrors,
      publicUrl: 'http://farm.example.org',
      now: () => (this.#nowMs += 1_000),
    })
  }

  /** Time passes. */
  waitHours(hours: number): void {
    this.#nowMs += hours * HOUR_MS
  }

  /** Starts it, records every answer, and stops it. */
  async record(): Promise<Map<string, Answer>> {
    const app = await this.start()
    const answers = await recordAnswers(app.url, { views: VIEWS, gone: this.gone })
    await app.close()
    return answers
  }

  /** A copy of it as it lies on the disk, with the same upstream. */
  copy(): StoriedFarm {
    const copy = new StoriedFarm(this.#t)
    cpSync(this.dataDir, copy.dataDir, { recursive: true })
    cpSync(this.#upstream, copy.#upstream, { recursive: true })
    copy.gone.push(...this.gone)
    copy.mirrors = Object.fromEntries(Object.keys(this.mirrors).map((name) => [name, copy.#source(name)]))
    copy.#nowMs = this.#nowMs
    return copy
  }

  /** Loses everything upstream. */
  loseUpstream(): void {
    rmSync(this.#upstream, { recursive: true })
    mkdirSync(this.#upstream)
  }

  get database(): string {
    return createLayout(this.dataDir).database
  }

  /** `pinyon verify --rebuild`, in this process. */
  async rebuild(options: { readonly dryRun?: boolean } = {}): Promise<Rebuilt> {
    return await rebuild({
      config: createConfig(this.dataDir, { mirrors: this.mirrors }),
      dryRun: options.dryRun ?? false,
      now: () => this.#nowMs,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
  }

  #source(mirror: string) {
    return `file://${join(this.#upstream, mirror)}/`
  }

  async #begin(): Promise<void> {
    this.mirrors = { a: this.#source('a'), b: this.#source('b'), c: this.#source('c') }
    const app = await this.start()
    const step = async (mirror: string, options: SyntheticOptions) => {
      this.waitHours(1)
      this.publish(mirror, options)
      const { snapshot } = await app.sync(mirror)
      await fetchPackages(app, snapshot)
      return snapshot.name
    }
    const [p, q, r] = [{ name: 'p' }, { name: 'q' }, { name: 'r', href: 'r/r-1.0+git~1^2-1.noarch.rpm' }]
    await step('c', { packages: [p, r] })
    await step('a', { packages: [p, q, r] })
    await step('b', { packages: [p] })
    const second = await step('a', { packages: [p, { ...q, version: '2.0' }] })
    await fetch(`${app.url}/repos/views/${VIEWS[0]}/all_latest.json?ttl=14d`)
    // Repodata alone change, primary does not.
    const records = [{ type: 'updateinfo', content: '<updates/>\n' }]
    const third = await step('a', { packages: [p, { ...q, version: '2.0' }], records })
    // Replaced in place, which is a defect; and one that comes back.
    await step('a', { packages: [{ ...p, content: 1_500 }, { ...q, version: '2.0' }, r] })
    await step('b', { packages: [p, r] })
    await step('b', { packages: [{ name: 'only-b' }] })
    await app.app.store.retire('a', third, this.#nowMs)
    this.gone.push(`/repos/yum/a/${third}/repodata/repomd.xml`, `/repos/yum/a/${third}/`)
    await app.close()
    this.mirrors = {
      a: { baseurls: [this.#source('a')], pin: second, pinWhy: 'broken' },
      b: this.#source('b'),
    }
  }

  /** A mirror leaves the configuration, another is pinned while it goes on, and a third gets an earlier past. */
  async #pinAndAdopt(): Promise<void> {
    const app = await this.start()
    this.waitHours(1)
    this.publish('a', { packages: [{ name: 'p', version: '9' }] })
    await fetchPackages(app, (await app.sync('a')).snapshot)
    const root = tempDir(this.#t)
    const tree = new OldMirrorTree(root, 'b')
    for (const [day, name] of OLD_DAYS.entries())
      tree.publishSynthetic(name, { packages: [{ name: 'p' }, { name: 'old', version: `${day}` }] })
    await this.#adopt(await Tree.open(root), tree)
    await fetch(`${app.url}/repos/views/${VIEWS[1]}/all_latest.json?ttl=14d`)
    await app.app.store.retire('b', OLD_DAYS[1], this.#nowMs)
    this.gone.push(`/repos/yum/b/${OLD_DAYS[1]}/repodata/repomd.xml`)
    await app.close()
  }

  async #adopt(tree: Tree, { dir }: OldMirrorTree): Promise<void> {
    const layout = createLayout(this.dataDir)
    const claims = new Claims(layout.claims)
    let serial = 0
    const scratch = () => temporaryPath(layout, claims.processId, 'adopt', (serial += 1))
    const store = new SqliteSnapshotStore(layout.database, scratch)
    const report = await adoptMirror({
      tree,
      mirror: { name: 'b', directory: dir },
      configured: true,
      packages: true,
      actor: 'user admin',
      store,
      blobs: await DiskBlobStore.open(layout, claims, { ledger: store.ledger }),
      claims,
      room: async () => ({ freeBytes: Infinity, totalBytes: Infinity }),
      now: () => this.#nowMs,
      signal: new AbortController().signal,
    })
    await store.close()
    claims.close()
    if (report.error !== undefined) throw report.error
  }

  /** Without the pin again, and with a last change. */
  async #end(): Promise<void> {
    this.mirrors = { a: this.#source('a'), b: this.#source('b') }
    this.waitHours(1)
    const app = await this.start()
    this.publish('b', { packages: [{ name: 'only-b' }, { name: 'p' }] })
    await fetchPackages(app, (await app.sync('b')).snapshot)
    await app.close()
    if (!existsSync(createLayout(this.dataDir).inventory)) throw new Error('no inventory was written')
  }
}

/** Has the packages of a snapshot stored, before upstream forgets them. */
async function fetchPackages({ app, url }: StartedApp, snapshot: Snapshot): Promise<void> {
  for (const path of await listPackages(app.store, snapshot)) {
    const reply = await fetch(`${url}/repos/yum/${snapshot.mirror}/${snapshot.name}/${path}`)
    await reply.arrayBuffer()
    if (reply.status !== 200) throw new Error(`${path}: ${reply.status}`)
  }
}

async function listPackages(store: SnapshotReader, snapshot: Snapshot, directory = ''): Promise<string[]> {
  const entries = (await store.directory(snapshot, directory)) ?? []
  const nested = entries
    .filter(({ name }) => directory !== '' || name !== 'repodata')
    .map(async ({ name, directory: isDirectory }) => {
      const path = directory === '' ? name : `${directory}/${name}`
      return isDirectory ? await listPackages(store, snapshot, path) : [path]
    })
  return (await Promise.all(nested)).flat()
}

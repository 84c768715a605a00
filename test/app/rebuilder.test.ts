import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { rebuild, type Rebuilt } from '../../src/app/rebuilder.ts'
import { blobPath, createLayout } from '../../src/cache/layout.ts'
import type { Digest } from '../../src/model/digest.ts'
import { createConfig, startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

/** A stopped farm of one mirror with three snapshots, whose database is gone. */
class LostFarm {
  readonly dataDir: string
  readonly layout: ReturnType<typeof createLayout>
  readonly upstream: Upstream
  readonly root: string
  readonly names: readonly string[]
  readonly #t: TestContext
  readonly #files: readonly Readonly<Record<string, Digest>>[]
  #nowMs = Date.UTC(2026, 0, 2)

  static async create(t: TestContext): Promise<LostFarm> {
    const [root, dataDir] = [tempDir(t), tempDir(t)]
    const upstream = await startUpstream(t, root)
    let nowMs = Date.UTC(2026, 0, 1)
    const app = await startApp(t, { dataDir, mirrors: { m: upstream.url }, now: () => (nowMs += 60_000) })
    const names: string[] = []
    const files: Record<string, Digest>[] = []
    for (const version of ['1', '2', '3']) {
      writeSyntheticRepository(root, { packages: [{ name: 'p', version }, { name: 'q' }] })
      const { snapshot } = await app.sync('m')
      names.push(snapshot.name)
      const own = (await app.app.store.files(snapshot)).map(({ type, digest }) => [type, digest])
      files.push(Object.fromEntries(own) as Record<string, Digest>)
    }
    await app.close()
    rmSync(createLayout(dataDir).database)
    return new LostFarm(t, { root, dataDir, upstream, names, files })
  }

  private constructor(
    t: TestContext,
    parts: Pick<LostFarm, 'root' | 'dataDir' | 'upstream' | 'names'> & {
      readonly files: readonly Readonly<Record<string, Digest>>[]
    },
  ) {
    this.#t = t
    this.root = parts.root
    this.dataDir = parts.dataDir
    this.layout = createLayout(parts.dataDir)
    this.upstream = parts.upstream
    this.names = parts.names
    this.#files = parts.files
  }

  /** The file of a repodata blob of a snapshot, counted from 0. */
  blob(snapshot: number, type: string): string {
    return blobPath(this.layout, this.#files[snapshot]?.[type] ?? 'sha256:none')
  }

  async rebuild({ dryRun = false } = {}): Promise<Rebuilt> {
    return await rebuild({
      config: createConfig(this.dataDir, { mirrors: { m: this.upstream.url } }),
      dryRun,
      now: () => this.#nowMs,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
  }

  async start() {
    const now = () => (this.#nowMs += 60_000)
    return await startApp(this.#t, { dataDir: this.dataDir, mirrors: { m: this.upstream.url }, now })
  }

  /** Replaces a line of a file of the inventory, counted from 1. */
  damage(file: string, line: number): void {
    const path = join(this.layout.inventory, file)
    const lines = readFileSync(path, 'utf8').split('\n')
    lines[line - 1] = lines[line - 1]?.replace('2026', '2027') ?? ''
    writeFileSync(path, lines.join('\n'))
  }
}

describe('making a database anew', () => {
  test('is refused while anybody has the data directory open', async (t) => {
    const farm = await LostFarm.create(t)
    await farm.rebuild()
    const app = await farm.start()
    await assert.rejects(farm.rebuild(), /stop the server of this data_dir/)
    await app.close()
    assert.equal((await farm.rebuild()).ok, true)
  })

  test('is refused where there is no inventory, with what can be done', async (t) => {
    const farm = await LostFarm.create(t)
    rmSync(farm.layout.inventory, { recursive: true })
    await assert.rejects(farm.rebuild(), /nothing can be restored.*There is no inventory: /)
    assert.equal(existsSync(farm.layout.database), false)
  })

  test('changes nothing in a dry run', async (t) => {
    const farm = await LostFarm.create(t)
    writeFileSync(farm.blob(0, 'primary'), 'rotten')
    const list = () => (readdirSync(farm.dataDir, { recursive: true }) as string[]).toSorted()
    const before = list().filter((name) => !name.startsWith('run'))
    const { snapshots, left_out, ok } = await farm.rebuild({ dryRun: true })
    assert.deepEqual([snapshots, left_out.length, ok], [2, 1, false])
    assert.deepEqual(
      list().filter((name) => !name.startsWith('run')),
      before,
    )
    assert.equal(readFileSync(farm.blob(0, 'primary'), 'utf8'), 'rotten')
  })

  test('fetches repodata that rotted from upstream, which is asked by digest', async (t) => {
    const farm = await LostFarm.create(t)
    writeFileSync(farm.blob(2, 'primary'), 'rotten')
    rmSync(farm.blob(2, 'filelists'))
    const { refetched, ok, snapshots } = await farm.rebuild()
    assert.deepEqual([refetched, ok, snapshots], [2, true, 3])
    assert.equal(readdirSync(farm.layout.quarantine).length, 1)
  })

  test('leaves a snapshot out whose packages are unknown; its name stays taken', async (t) => {
    const farm = await LostFarm.create(t)
    // Upstream has the third by now, and not these.
    writeFileSync(farm.blob(1, 'primary'), 'rotten')
    rmSync(farm.blob(0, 'filelists'))
    const report = await farm.rebuild()
    assert.equal(report.ok, false)
    assert.deepEqual(
      report.left_out.map(({ mirror, snapshot }) => [mirror, snapshot]),
      [['m', farm.names[1]]],
    )
    assert.match(
      report.left_out[0]?.reason ?? '',
      /primary.*its bytes are sha256:.*upstream no longer has it/,
    )
    assert.deepEqual(
      report.broken.map(({ snapshot }) => snapshot),
      [farm.names[0]],
    )
    assert.match(report.broken[0]?.reason ?? '', /it is not stored, and upstream no longer has it/)
    // What it was made from is kept, for whoever finds the file.
    assert.ok(existsSync(join(report.inventory ?? '', 'generations.jsonl')))
    const { app, url, sync, close } = await farm.start()
    const status = async (path: string) => (await fetch(`${url}${path}`)).status
    const repomd = farm.names.map((name) => `/repos/yum/m/${name}/repodata/repomd.xml`)
    assert.deepEqual(await Promise.all(repomd.map(status)), [200, 404, 200])
    const index = await (await fetch(`${url}/repos/generations/2/all_latest.json`)).text()
    assert.ok(index.includes(farm.names[1] ?? ''), 'the generation names it as ever')
    const { blobs } = await app.collector.collect({ reconcile: true })
    assert.equal(blobs.unlisted.count, 0, 'what only it lists stays for a while')
    assert.equal((await sync('m')).outcome, 'unchanged')
    await close()
  })

  test('leaves the newest out, and then the next sync brings it again', async (t) => {
    const farm = await LostFarm.create(t)
    farm.upstream.rules = [{ match: /primary/, status: 503 }]
    rmSync(farm.blob(2, 'primary'))
    assert.deepEqual(
      (await farm.rebuild()).left_out.map(({ snapshot }) => snapshot),
      [farm.names[2]],
    )
    farm.upstream.rules = []
    const app = await farm.start()
    assert.ok((await app.current('m')).endsWith(`/${farm.names[1]}`))
    const { outcome, snapshot } = await app.sync('m')
    assert.equal(outcome, 'published')
    assert.ok(snapshot.name > (farm.names[2] ?? ''))
  })

  test('tells of damaged lines, and restores the others', async (t) => {
    const farm = await LostFarm.create(t)
    farm.damage('mirrors/m.jsonl', 3)
    farm.damage('generations.jsonl', 2)
    const { damaged, left_out, generations, snapshots, ok } = await farm.rebuild()
    assert.deepEqual(damaged, ['generations.jsonl:2', 'mirrors/m.jsonl:3'])
    assert.deepEqual([generations, snapshots, ok], [2, 2, false])
    assert.deepEqual(left_out, [
      { mirror: 'm', snapshot: farm.names[1], reason: 'what the inventory said of it is damaged or gone' },
    ])
    const { url } = await farm.start()
    const answers = [1, 2, 3].map(
      async (n) => (await fetch(`${url}/repos/generations/${n}/all_latest.json`)).status,
    )
    assert.deepEqual(await Promise.all(answers), [404, 200, 200])
  })

  test('keeps names of a mirror of which nothing else is left', async (t) => {
    const farm = await LostFarm.create(t)
    rmSync(join(farm.layout.inventory, 'mirrors/m.jsonl'))
    const { left_out, generations } = await farm.rebuild()
    assert.deepEqual([left_out.map(({ snapshot }) => snapshot), generations], [farm.names, 3])
    const app = await farm.start()
    assert.ok((await app.sync('m')).snapshot.name > (farm.names[2] ?? ''))
  })
})

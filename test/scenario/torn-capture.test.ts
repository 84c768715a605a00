import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import type { SyncResult } from '../../src/snapshot/sync.ts'
import { MirrorUnderTest, memoryDir, readRepodata } from '../snapshot/mirror-under-test.ts'
import { writeSyntheticRepository, type SyntheticPackage } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

// Upstream publishes while it is captured. The upstream of these tests decides by the number of a request which generation of a
// repository answers it, so every interleaving there is can be gone through. Whatever is published is one generation, all of it.

const GENERATIONS: readonly (readonly SyntheticPackage[])[] = [
  [{ name: 'a' }, { name: 'b' }],
  [{ name: 'a', version: '2' }, { name: 'c' }],
]

/** The generation that answers the request with this number, counted from the beginning of a sync. */
type Schedule = (request: number) => 0 | 1

interface Layout {
  readonly simpleNames: boolean
  readonly signed: boolean
  /** Whether upstream keeps the old generation's files for a while, as createrepo_c --retain-old-md does. */
  readonly keepsOldFiles: boolean
}

const LAYOUTS: [string, Layout][] = [
  ['file names with checksums', { simpleNames: false, signed: true, keepsOldFiles: false }],
  ['file names with checksums, old files kept', { simpleNames: false, signed: true, keepsOldFiles: true }],
  ['fixed file names', { simpleNames: true, signed: true, keepsOldFiles: false }],
]

class TornUpstream {
  readonly upstream: Upstream
  schedule: Schedule = () => 0
  /** What upstream has of each generation. */
  readonly generations: readonly Map<string, Buffer>[]
  #begin = 0

  private constructor(upstream: Upstream, dirs: readonly string[], own: readonly Map<string, Buffer>[]) {
    this.upstream = upstream
    this.generations = own
    upstream.rules = ({ index }) => {
      upstream.root = dirs[this.schedule(index - this.#begin)] ?? ''
      return undefined
    }
  }

  static async start(t: TestContext, layout: Layout): Promise<TornUpstream> {
    const dirs = GENERATIONS.map((packages, number) => {
      const dir = tempDir(t)
      writeSyntheticRepository(dir, { packages, simpleNames: layout.simpleNames, withoutFiles: true })
      if (layout.signed)
        writeFileSync(join(dir, 'repodata/repomd.xml.asc'), `-----BEGIN PGP SIGNATURE-----\nof ${number}`)
      return dir
    })
    const own = dirs.map(readRepodata)
    if (layout.keepsOldFiles) copyMissing(dirs[0] ?? '', dirs[1] ?? '')
    return new TornUpstream(await startUpstream(t, dirs[0] ?? ''), dirs, own)
  }

  /** Syncs a mirror by this schedule. Gives how it ended and how many requests it took. */
  async sync(mirror: MirrorUnderTest, schedule: Schedule): Promise<{ result: SyncResult; requests: number }> {
    this.schedule = schedule
    this.#begin = this.upstream.count()
    const result = await mirror.sync()
    return { result, requests: this.upstream.count() - this.#begin }
  }

  /** The generation that a published snapshot is, all bytes compared. */
  async generationOf(mirror: MirrorUnderTest, result: SyncResult): Promise<number> {
    assert.ok(result.outcome === 'published')
    const files = await mirror.repodata(result.snapshot)
    const repomd = files.get('repodata/repomd.xml')
    const number = this.generations.findIndex((own) =>
      own.get('repodata/repomd.xml')?.equals(repomd ?? Buffer.of()),
    )
    assert.deepEqual(files, this.generations[number])
    assert.deepEqual(await mirror.store.defects(result.snapshot), [])
    return number
  }
}

function copyMissing(from: string, to: string): void {
  const present = readdirSync(join(to, 'repodata'))
  for (const name of readdirSync(join(from, 'repodata')))
    if (!present.includes(name)) copyFileSync(join(from, 'repodata', name), join(to, 'repodata', name))
}

/** Gives a new mirror to `use`, and removes it. */
async function withMirror(
  torn: TornUpstream,
  dir: string,
  use: (mirror: MirrorUnderTest) => Promise<void>,
): Promise<void> {
  const mirror = new MirrorUnderTest(dir, { baseurls: [torn.upstream.url] })
  try {
    await use(mirror)
    assert.deepEqual(mirror.temporaryFiles(), [])
  } finally {
    await mirror.close()
    rmSync(dir, { recursive: true })
  }
}

/** Requests of a sync that nothing disturbs: there is nothing to interrupt behind them. */
async function countRequests(torn: TornUpstream, dir: string): Promise<number> {
  let count = 0
  await withMirror(torn, dir, async (mirror) => {
    count = (await torn.sync(mirror, () => 0)).requests
  })
  return count
}

describe('upstream publishes once during a sync', () => {
  for (const [name, layout] of LAYOUTS) {
    test(`at each of its requests: ${name}`, async (t) => {
      const torn = await TornUpstream.start(t, layout)
      const requests = await countRequests(torn, memoryDir(t))
      const published: number[] = []
      for (let at = 0; at <= requests; at += 1) {
        await withMirror(torn, memoryDir(t), async (mirror) => {
          const { result } = await torn.sync(mirror, (request) => (request < at ? 0 : 1))
          published.push(await torn.generationOf(mirror, result))
          const next = await torn.sync(mirror, () => 1)
          assert.equal(next.result.outcome, published.at(-1) === 1 ? 'unchanged' : 'published')
          if (published.at(-1) === 0) assert.equal(await torn.generationOf(mirror, next.result), 1)
        })
      }
      // Only a change behind the last request is too late to be seen, or one of what is absent before and after.
      assert.deepEqual([published[0], published.at(-1)], [1, 0])
      assert.ok(published.filter((number) => number === 0).length <= 2, published.join(''))
    })

    test(`at each request of a later sync: ${name}`, async (t) => {
      const torn = await TornUpstream.start(t, layout)
      const requests = await countRequests(torn, memoryDir(t))
      for (let at = 0; at <= requests; at += 1) {
        await withMirror(torn, memoryDir(t), async (mirror) => {
          await torn.sync(mirror, () => 0)
          // It sees generation 1 first, and upstream takes that back.
          const { result } = await torn.sync(mirror, (request) => (request < at ? 1 : 0))
          if (result.outcome === 'published') assert.equal(await torn.generationOf(mirror, result), 1)
          else assert.equal(result.outcome, 'unchanged')
        })
      }
    })
  }
})

describe('upstream publishes and takes it back during a sync', () => {
  for (const [name, layout] of LAYOUTS) {
    test(`at each pair of its requests: ${name}`, async (t) => {
      const torn = await TornUpstream.start(t, layout)
      const requests = await countRequests(torn, memoryDir(t))
      for (let from = 0; from < requests; from += 1) {
        for (let to = from + 1; to <= requests; to += 1) {
          await withMirror(torn, memoryDir(t), async (mirror) => {
            const { result } = await torn.sync(mirror, (request) => (request >= from && request < to ? 1 : 0))
            await torn.generationOf(mirror, result)
          })
        }
      }
    })
  }
})

describe('upstream moves without end', () => {
  for (const [name, layout] of LAYOUTS) {
    test(`every few requests: one generation, or REPODATA_MOVING: ${name}`, async (t) => {
      // Answered by two servers in turn, a signature cannot be told from the other generation's without its key.
      const torn = await TornUpstream.start(t, { ...layout, signed: false })
      for (let period = 1; period <= 10; period += 1) {
        for (let offset = 0; offset < period; offset += 1) {
          await withMirror(torn, memoryDir(t), async (mirror) => {
            const { result } = await torn.sync(mirror, (request) =>
              Math.floor((request + offset) / period) % 2 === 0 ? 0 : 1,
            )
            if (result.outcome === 'published') await torn.generationOf(mirror, result)
            else assert.ok(result.outcome === 'failed' && result.error.code === 'REPODATA_MOVING')
          })
        }
      }
    })
  }

  test('a new generation for each look at repomd.xml is REPODATA_MOVING, and bounded', async (t) => {
    const dir = tempDir(t)
    const publish = (number: number) =>
      void writeSyntheticRepository(dir, {
        packages: [{ name: 'a', version: `${number}` }],
        withoutFiles: true,
      })
    publish(0)
    const upstream = await startUpstream(t, dir)
    const mirror = new MirrorUnderTest(tempDir(t), { baseurls: [upstream.url] })
    t.after(() => mirror.close())
    const first = await mirror.publish()
    upstream.rules = [{ match: 'repomd.xml', before: ({ index }) => publish(index) }]
    const before = upstream.count('repomd.xml')
    const error = await mirror.fail()
    assert.equal(error.code, 'REPODATA_MOVING')
    assert.equal(upstream.count('repomd.xml') - before, 10, 'five captures, each looked at again')
    assert.equal((await mirror.store.snapshots('m'))[0]?.name, first.name)
    upstream.rules = []
    assert.equal((await mirror.publish()).packageCount, 1)
  })
})

import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import type { SyncResult } from '../../src/snapshot/sync.ts'
import { MirrorUnderTest, readRepodata } from '../snapshot/mirror-under-test.ts'
import { signDetached } from '../support/detached-signature.ts'
import { formatMetalink } from '../support/metalink.ts'
import { writeSyntheticRepository, type SyntheticPackage } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import type { Behaviour } from '../support/upstream-behaviour.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const GENERATIONS: readonly (readonly SyntheticPackage[])[] = [
  [{ name: 'a' }, { name: 'b' }],
  [{ name: 'a', version: '2' }, { name: 'c' }],
]

/**
 * What a source does with the request of this number, counted over all sources from the beginning of a sync: which generation it has,
 * and how it behaves.
 */
export type SourceSchedule = (request: number, path: string) => { generation: 0 | 1 } & Behaviour

/** Sources of one repository, each of which decides for every request which of two signed generations answers it. */
export class TornUpstreams {
  readonly sources: readonly Upstream[]
  /** Whose schedule is the last one: of which generation the metalink is that lists them; undefined where there is none. */
  readonly lists: Upstream | undefined
  readonly #own: readonly Map<string, Buffer>[]
  #schedules: readonly SourceSchedule[] = []
  #requests = 0

  private constructor(
    sources: readonly Upstream[],
    dirs: readonly string[],
    own: readonly Map<string, Buffer>[],
    lists: Upstream | undefined,
  ) {
    this.sources = sources
    this.lists = lists
    this.#own = own
    for (const [index, source] of [...sources, ...(lists === undefined ? [] : [lists])].entries())
      source.rules = ({ path }) => {
        const { generation, ...behaviour } = this.#schedules[index]?.(this.#requests, path) ?? {
          generation: 0,
        }
        this.#requests += 1
        source.root = dirs[generation] ?? ''
        return behaviour
      }
  }

  /** @param simpleNames whether the generations' files have the same names */
  static async start(
    t: TestContext,
    options: { sources: number; simpleNames?: boolean; metalink?: boolean },
  ): Promise<TornUpstreams> {
    const { simpleNames = false, metalink = false } = options
    const dirs = GENERATIONS.map((packages, number) => {
      const dir = tempDir(t)
      const revision = 1_600_000_000 + number
      writeSyntheticRepository(dir, { packages, simpleNames, revision, withoutFiles: true })
      const repomd = readFileSync(join(dir, 'repodata/repomd.xml'))
      writeFileSync(join(dir, 'repodata/repomd.xml.asc'), signDetached(repomd))
      return dir
    })
    const starting = Array.from({ length: options.sources }, () => startUpstream(t, dirs[0] ?? ''))
    const sources = await Promise.all(starting)
    const lists = metalink ? await startUpstream(t, dirs[0] ?? '') : undefined
    if (metalink) writeMetalinks(dirs, sources)
    return new TornUpstreams(sources, dirs, dirs.map(readRepodata), lists)
  }

  /** Syncs a mirror while the sources do this. Gives how it ended and how many requests it took. */
  async sync(
    mirror: MirrorUnderTest,
    ...schedules: readonly SourceSchedule[]
  ): Promise<{ result: SyncResult; requests: number }> {
    this.#schedules = schedules
    this.#requests = 0
    const result = await mirror.sync()
    return { result, requests: this.#requests }
  }

  /** The generation that a published snapshot is: every byte of it, its signature included. */
  async generationOf(mirror: MirrorUnderTest, result: SyncResult): Promise<number> {
    assert.ok(result.outcome === 'published', JSON.stringify(result))
    const files = await mirror.repodata(result.snapshot)
    const repomd = files.get('repodata/repomd.xml') ?? Buffer.of()
    const number = this.#own.findIndex((own) => own.get('repodata/repomd.xml')?.equals(repomd))
    assert.deepEqual(files, this.#own[number])
    assert.deepEqual(await mirror.store.defects(result.snapshot), [])
    return number
  }

  /** Gives a new mirror of all sources to `use`, and removes it. */
  async withMirror(dir: string, use: (mirror: MirrorUnderTest) => Promise<void>): Promise<void> {
    const baseurls = this.sources.map(({ url }) => url)
    const list = this.lists && { kind: 'metalink' as const, url: `${this.lists.url}metalink` }
    const mirror = new MirrorUnderTest(dir, list === undefined ? { baseurls } : { baseurls: [], list })
    try {
      await use(mirror)
      assert.deepEqual(mirror.temporaryFiles(), [])
    } finally {
      await mirror.close()
      rmSync(dir, { recursive: true })
    }
  }
}

/** Into each generation's directory, one that lists it as the newest, and the one before as an alternate. */
function writeMetalinks(dirs: readonly string[], sources: readonly Upstream[]): void {
  const urls = sources.map(({ url }) => `${url}repodata/repomd.xml`)
  const all = dirs.map((dir, number) => ({
    bytes: readFileSync(join(dir, 'repodata/repomd.xml')),
    timestamp: 1_600_000_000 + number,
  }))
  for (const [number, dir] of dirs.entries()) {
    const repomds = all.slice(0, number + 1).toReversed()
    writeFileSync(join(dir, 'metalink'), formatMetalink({ repomds, urls }))
  }
}

/** A source that publishes generation 1 at its request of this number. */
export function flipsAt(at: number): SourceSchedule {
  return (request) => ({ generation: request < at ? 0 : 1 })
}

import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import type { SyncResult } from '../../src/snapshot/sync.ts'
import { MirrorUnderTest, readRepodata } from '../snapshot/mirror-under-test.ts'
import { signDetached } from '../support/detached-signature.ts'
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
  readonly #own: readonly Map<string, Buffer>[]
  #schedules: readonly SourceSchedule[] = []
  #requests = 0

  private constructor(
    sources: readonly Upstream[],
    dirs: readonly string[],
    own: readonly Map<string, Buffer>[],
  ) {
    this.sources = sources
    this.#own = own
    for (const [index, source] of sources.entries())
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
    options: { sources: number; simpleNames?: boolean },
  ): Promise<TornUpstreams> {
    const { simpleNames = false } = options
    const dirs = GENERATIONS.map((packages, number) => {
      const dir = tempDir(t)
      const revision = 1_600_000_000 + number
      writeSyntheticRepository(dir, { packages, simpleNames, revision, withoutFiles: true })
      const repomd = readFileSync(join(dir, 'repodata/repomd.xml'))
      writeFileSync(join(dir, 'repodata/repomd.xml.asc'), signDetached(repomd))
      return dir
    })
    const starting = Array.from({ length: options.sources }, () => startUpstream(t, dirs[0] ?? ''))
    return new TornUpstreams(await Promise.all(starting), dirs, dirs.map(readRepodata))
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
    const mirror = new MirrorUnderTest(dir, { baseurls: this.sources.map(({ url }) => url) })
    try {
      await use(mirror)
      assert.deepEqual(mirror.temporaryFiles(), [])
    } finally {
      await mirror.close()
      rmSync(dir, { recursive: true })
    }
  }
}

/** A source that publishes generation 1 at its request of this number. */
export function flipsAt(at: number): SourceSchedule {
  return (request) => ({ generation: request < at ? 0 : 1 })
}

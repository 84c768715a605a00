import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { OldMirrorTree } from '../support/old-tree.ts'
import { createFarm, type Farm } from './pinyon.ts'

/** Names of an old tree's snapshots. */
export const DAYS = ['2018-11-01-00-00', '2018-11-02-00-00', '2018-11-03-00-00', '2018-11-04-00-00'] as const

/** `a` comes in a new version every day, and the old ones stay. */
export function packagesOf(day: number): { name: string; version: string }[] {
  return [
    { name: 'b', version: '1' },
    ...Array.from({ length: day + 1 }, (_, index) => ({ name: 'a', version: `${index + 1}` })),
  ]
}

/** A farm beside an older server's tree. */
export interface OldFarm {
  readonly farm: Farm
  readonly root: string
  readonly tree: OldMirrorTree
  /** Adopts, and gives what `--json` says of `m` with the exit code. */
  readonly adopt: (...args: string[]) => Promise<Report>
  /** Names of the mirror's snapshots, oldest first. */
  readonly snapshots: () => Promise<string[]>
}

/** What `adopt --json` says of a mirror. */
export interface Report {
  readonly code: number
  readonly adopted: readonly { name: string; packages: number; defects: string[] }[]
  readonly present: readonly string[]
  readonly refused: readonly { name: string; reason: string }[]
  readonly packages: Readonly<Record<string, number>>
  readonly wrong: readonly string[]
  readonly notes: readonly string[]
  readonly pin: string | null
  readonly generation: number | null
  readonly error: string | null
}

/** Writes a configuration and, beside it, a tree with snapshots of these days. */
export function createOldFarm(t: TestContext, days: readonly number[] = [0, 1, 2], mirrors = ['m']): OldFarm {
  const farm = createFarm(t, mirrors)
  const root = join(farm.dir, 'yum')
  const tree = new OldMirrorTree(root, 'm')
  for (const day of days) tree.publishSynthetic(DAYS[day] ?? '', { packages: packagesOf(day) })
  return {
    farm,
    root,
    tree,
    adopt: async (...args) => {
      const { code, stdout, stderr } = await farm.run('adopt', root, '--json', ...args)
      assert.equal(stderr, '')
      return { code, ...(JSON.parse(stdout) as Omit<Report, 'code'>) }
    },
    snapshots: async () => {
      const { stdout } = await farm.run('snapshots', 'm', '--json')
      const { snapshots } = JSON.parse(stdout) as { snapshots: { name: string }[] }
      return snapshots.map(({ name }) => name).toReversed()
    },
  }
}

/** What was adopted. */
export const names = (report: Report) => report.adopted.map(({ name }) => name)
/** Where a version of package `a` is. */
export const A_RPM = (version: number) => `Packages/a/a-${version}-1.noarch.rpm`

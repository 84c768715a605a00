import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Farm } from './farm.ts'
import { manifest } from './manifest.ts'
import type { Client, CrashingCommands, CrashPoint } from './run-client.ts'
import { NAMED, YUM_CACHE } from './slave.ts'

/** What is killed: a begin, one that first undoes what was left open, a rollback, or a commit. */
export const PHASES = ['begin', 'begin-again', 'rollback', 'commit'] as const
export type Phase = (typeof PHASES)[number]

/** A series of kills. */
export interface Series {
  readonly phase: Phase
  readonly shell: string
  readonly when: CrashPoint['when']
  readonly alone?: boolean
  /** The first command to kill at, the distance to the next one, and how many kills there are, unless the phase's end comes first. */
  readonly first?: number
  readonly stride?: number
  readonly kills?: number
}

/** What became of a series. */
export interface SeriesReport {
  readonly kills: number
  /** How many commands the phase ran in the end, when nothing killed it. */
  readonly commands?: number
}

/**
 * Kills a phase of a transaction at one command after the other until it comes to its end, and each time demands that a rollback gives back
 * a tree equal to the last inode, and that nothing is left of the transaction. The next round shows that another one can begin.
 */
export async function killEverywhere(
  farm: Farm,
  commands: CrashingCommands,
  series: Series,
): Promise<SeriesReport> {
  const { phase, shell, when, alone = false, first = 1, stride = 1 } = series
  let client = farm.newClient()
  let before = manifest(client.root)
  let kills = 0
  for (let at = first; kills < (series.kills ?? Infinity); at += stride) {
    const begin = ['begin', '--view', 'job', ...NAMED.map((name) => join(client.root, name))]
    if (phase !== 'begin') {
      await client.must(begin, { shell })
      disturb(client.root)
    }
    const args = phase === 'rollback' || phase === 'commit' ? [phase] : begin
    const result = await client.run(args, { shell, unheard: alone, ...commands.at({ at, when, alone }) })
    const killedAt = commands.where()
    const where = `${shell}: ${phase} killed ${when} command ${at}: ${killedAt ?? 'none'}`
    const isCommitted = phase === 'commit' && !client.isOpen
    const committed = manifest(client.root, { inodes: false })
    const undone = await client.run(['rollback'], { shell })
    assert.equal(undone.code, 0, `${where}: ${undone.stderr}`)
    if (isCommitted) assert.deepEqual(manifest(client.root, { inodes: false }), committed, where)
    else assert.deepEqual(manifest(client.root), before, where)
    assertSwept(client, where, alone)
    if (isCommitted) {
      rmSync(client.root, { recursive: true })
      client = farm.newClient()
      before = manifest(client.root)
    }
    if (killedAt === undefined) {
      assert.equal(result.code, 0, `${where}: ${result.stderr}`)
      return { kills, commands: commands.count() }
    }
    assert.equal(result.code, -1, where)
    kills += 1
  }
  return { kills }
}

/** What a job does: it writes over configuration, removes some, adds some, and fills yum's cache anew. */
function disturb(root: string): void {
  appendFileSync(join(root, 'etc/yum.repos.d/m.repo'), '# of the job\n')
  rmSync(join(root, 'etc/yum.repos.d/other vendor.repo'))
  rmSync(join(root, 'etc/yum.conf'))
  writeFileSync(join(root, 'etc/yum.conf'), '[main]\nplugins=1\n')
  writeFileSync(join(root, 'etc/yum.repos.d/of-the-job.repo'), '[job]\nbaseurl=http://job.example/\n')
  for (const name of ['repomd.xml', 'cachecookie']) writeFileSync(join(root, YUM_CACHE, name), 'of the job\n')
}

/** Nothing of the transaction is left, and the lock, which may not be there yet, is free unless something outlived the shell. */
function assertSwept(client: Client, where: string, alone: boolean): void {
  const left = list(client.journal).filter((name) => name !== 'removed' && name !== 'lock')
  assert.deepEqual(left, [], `${where}: the journal holds more than its lock`)
  const lock = list(join(client.journal, 'lock'))
  assert.ok(lock.length <= 1, `${where}: two locks: ${lock.join(', ')}`)
  if (!alone) assert.equal(lock[0] ?? 'free', 'free', `${where}: the lock`)
}

function list(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : []
}

import assert from 'node:assert/strict'

import type { DiskCalls, KillPoint } from '../support/disk-calls.ts'
import type { StartedServer } from '../support/start-server.ts'
import type { CallFarm, Template } from './call-farm.ts'
import { generationOf, readJson } from './promises.ts'
import { listSnapshots, MIRROR, readCurrent, readState, type Opening } from './recovery.ts'
import { fetchOn, syncOn, writeOn } from './server-commands.ts'
import type { Told } from './told.ts'

/** A server whose calls are followed. */
export interface Run {
  readonly farm: CallFarm
  readonly dir: string
  readonly calls: DiskCalls
  readonly told: Told
  /** The one that runs. */
  server: StartedServer
  /** Starts another one on the same directory; its calls are followed as well. */
  readonly start: () => Promise<StartedServer>
}

/** What is done to a farm while a crash waits for its moment. */
export interface Scenario {
  readonly template: Template
  /** Whether the server's start belongs to it. */
  readonly fromStart?: boolean
  /** Bytes of the first package of each generation; 90 kB unless told. */
  readonly bigBytes?: number
  /** The newest so many snapshots stay, whatever a collection does. */
  readonly keep: number
  /** Where its first server is killed in any case, so that only power cuts are looked at. */
  readonly killedAt?: readonly Omit<KillPoint, 'when'>[]
  /** How what a crash has left is opened; as a start does unless told. */
  readonly open?: Opening
  /** Rejects when the server has gone. */
  readonly drive: (run: Run) => Promise<void>
}

/** Syncs; it has to end like this, or to bring nothing new. */
export async function syncAndNote(run: Run, expected: string): Promise<void> {
  const outcome = await syncOn(run.server.dataDir, MIRROR)
  assert.ok([expected, 'unchanged'].includes(outcome), `a sync ended as ${outcome}, not ${expected}`)
  await noteAll(run)
}

/** Fetches packages of what upstream serves, by their numbers. */
export async function fetchAndNote(run: Run, from: number, to: number): Promise<void> {
  const paths = [...run.farm.served.packages.keys()].slice(from, to)
  const { failed, lost } = await fetchOn(run.server.dataDir, MIRROR, paths)
  assert.equal(failed + lost, 0)
  for (const path of paths) run.told.note({ kind: 'stored', path })
}

/** Notes all that a client can see. */
export async function noteAll({ server: { url }, dir, farm, told }: Run): Promise<void> {
  const { generations } = (await readJson(`${url}/api/v1/generations`)) as {
    generations: { generation: number }[]
  }
  for (const { generation } of generations)
    told.note({ kind: 'index', generation, current: await readCurrent(url, generation) })
  for (const name of await listSnapshots(url))
    told.note({ kind: 'snapshot', name, of: await generationOf(url, name, farm.generations) })
  told.note({ kind: 'answered', state: readState(dir) })
}

/** Has the server change its configuration. */
export async function change(run: Run, state: string, write: Parameters<typeof writeOn>[1]): Promise<void> {
  run.told.note({ kind: 'asked', state })
  await writeOn(run.server.dataDir, write)
  run.told.note({ kind: 'answered', state })
  await noteAll(run)
}

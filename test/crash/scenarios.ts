import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

import { digestOf } from '../../src/model/digest.ts'
import { httpGet } from '../support/http-get.ts'
import { mustRun } from '../support/run-command.ts'
import type { Template } from './call-farm.ts'
import { listSnapshots, MIRROR, readView } from './recovery.ts'
import { change, fetchAndNote, noteAll, syncAndNote, type Run, type Scenario } from './run.ts'
import { fetchOn, syncOn, writeOn } from './server-commands.ts'
import { STORAGE_SCENARIOS } from './storage-scenarios.ts'

const ONE: Template = { synced: 1, fetched: 2 }
const THREE: Template = { synced: 3, fetched: 2 }
/** Collections retire and evict. */
const CROWDED: Template = {
  synced: 4,
  fetched: 8,
  config: { retention: { keep: 2, keep_used: '0s' }, cache: { max_size: '2MiB' } },
}

const SCENARIOS = {
  first: { template: { synced: 0, fetched: 0 }, fromStart: true, keep: 100, drive: first },
  sync: { template: ONE, keep: 100, drive: sync },
  fill: { template: { synced: 1, fetched: 0 }, keep: 100, drive: fill },
  // What is large is moved away before it is deleted.
  gc: { template: CROWDED, bigBytes: 1_100_000, keep: 2, drive: collect },
  pin: { template: THREE, keep: 100, drive: pin },
  view: { template: ONE, keep: 100, drive: view },
  remove: { template: THREE, keep: 2, drive: remove },
  stop: { template: ONE, keep: 100, drive: stop },
  ...STORAGE_SCENARIOS,
  again: {
    template: { synced: 0, fetched: 0 },
    fromStart: true,
    keep: 100,
    killedAt: [
      { key: 'mkdir data/blobs.v1/sha256/*', ordinal: 1 },
      { key: 'rename data/blobs.v1/sha256/*/*', ordinal: 1 },
      { key: 'rename data/blobs.v1/sha256/*/*', ordinal: 3 },
      { key: 'mkdir data/blobs.v1/sha256/*', ordinal: 2 },
      { key: 'mkdir data', ordinal: 1 },
      { key: 'mkdir data/blobs.v1', ordinal: 1 },
      { key: 'create data/pinyon.db', ordinal: 1 },
      { key: 'create data/pinyon.db-wal', ordinal: 1 },
    ],
    drive: again,
  },
} as const satisfies Record<string, Scenario>
export type ScenarioName = keyof typeof SCENARIOS
export const SCENARIO_NAMES = Object.keys(SCENARIOS) as ScenarioName[]

/** The scenario of a name. */
export function scenarioOf(name: ScenarioName): Scenario {
  return SCENARIOS[name]
}

/** The first server of a directory, and its first snapshot. */
async function first(run: Run): Promise<void> {
  await syncAndNote(run, 'published')
  await fetchAndNote(run, 0, 2)
}

/** News, no news, and news again, of which what is used is fetched. */
async function sync(run: Run): Promise<void> {
  await noteAll(run)
  run.farm.serve(1)
  await syncAndNote(run, 'published')
  await syncAndNote(run, 'unchanged')
  run.farm.serve(2)
  await syncAndNote(run, 'published')
  await fetchOn(run.server.dataDir, MIRROR, [])
}

/** Cold packages: one for two clients, one by a range, one small, two for a command. */
async function fill(run: Run): Promise<void> {
  await noteAll(run)
  const { server, farm } = run
  const [large = '', second = '', small = ''] = farm.generation(0).packages.keys()
  const base = `${server.url}/repos/yum/${MIRROR}/latest`
  const get = async (path: string, range?: string) => {
    const reply = await httpGet(`${base}/${path}`, range === undefined ? {} : { headers: { range } })
    if (reply.status === 200 && reply.complete)
      assert.equal(digestOf(reply.body), farm.generation(0).packages.get(path), 'a whole body was wrong')
    if (reply.status >= 300 || !reply.complete)
      throw new Error(`${path} was cut, or not had: ${reply.status}`)
  }
  await Promise.all([get(large), get(large), get(second, 'bytes=100-19000'), get(small)])
  await fetchAndNote(run, 3, 5)
}

/** Snapshots are retired, what none lists is removed, and there is too much of the rest. */
async function collect(run: Run): Promise<void> {
  await noteAll(run)
  run.told.note({ kind: 'retiring' })
  await writeOn(run.server.dataDir, { method: 'POST', path: 'gc' })
  await noteAll(run)
}

/** A pin, another one, a roll-back, none, and one that an operator writes into the file. */
async function pin(run: Run): Promise<void> {
  await noteAll(run)
  const { server } = run
  const [newest = '', middle = '', oldest = ''] = await listSnapshots(server.url)
  const path = `mirrors/${MIRROR}/pin`
  const why = 'it broke'
  for (const snapshot of [oldest, middle])
    await change(run, `pinned to ${snapshot}`, { method: 'PUT', path, body: { snapshot, why } })
  await change(run, 'not pinned', { method: 'DELETE', path })
  await change(run, `pinned to ${middle}`, { method: 'POST', path: `mirrors/${MIRROR}/rollback` })
  const text = readFileSync(server.configFile, 'utf8')
  run.told.note({ kind: 'asked', state: `pinned to ${newest}` })
  await save(run, text.replaceAll(middle, newest))
  await writeOn(server.dataDir, { method: 'POST', path: 'reload' })
  await noteAll(run)
}

/** Views before and after a sync, of which one ends and begins anew. */
async function view(run: Run): Promise<void> {
  await noteAll(run)
  const { server, farm, told } = run
  const read = async (name: string) =>
    told.note({ kind: 'view', view: name, index: await readView(server.url, name) })
  await Promise.all(['a', 'b', 'c'].map(read))
  farm.serve(1)
  await syncAndNote(run, 'published')
  await Promise.all(['a', 'b', 'd'].map(read))
  told.note({ kind: 'view', view: 'a', index: undefined })
  await httpGet(`${server.url}/repos/views/a/all_latest.json`, { method: 'DELETE' })
  await read('a')
}

/** A mirror goes and comes back, and a snapshot of it is retired. */
async function remove(run: Run): Promise<void> {
  await noteAll(run)
  const { server } = run
  const [, , oldest = ''] = await listSnapshots(server.url)
  const text = readFileSync(server.configFile, 'utf8')
  await change(run, 'removed', { method: 'DELETE', path: `mirrors/${MIRROR}?force=1` })
  run.told.note({ kind: 'asked', state: 'not pinned' })
  await save(run, text)
  await writeOn(server.dataDir, { method: 'POST', path: 'reload' })
  await noteAll(run)
  run.told.note({ kind: 'retiring' })
  await writeOn(server.dataDir, { method: 'DELETE', path: `mirrors/${MIRROR}/snapshots/${oldest}` })
}

/** A server that is told to stop. */
async function stop(run: Run): Promise<void> {
  await noteAll(run)
  run.farm.serve(1)
  await syncAndNote(run, 'published')
  await fetchAndNote(run, 0, 2)
  await run.server.kill('SIGTERM')
}

/** After a kill another server goes on; what the first one has not made durable must not be taken for it. */
async function again(run: Run): Promise<void> {
  await syncOn(run.server.dataDir, MIRROR).catch(() => undefined)
  if (run.calls.killed !== undefined) {
    await run.calls.halt()
    await run.server.kill()
    run.calls.resume()
    run.server = await run.start()
  }
  await syncAndNote(run, 'published')
  await fetchAndNote(run, 0, 4)
}

/** Saves the configuration as a careful editor does; its calls are followed as well. */
async function save({ server: { configFile }, calls }: Run, text: string): Promise<void> {
  await mustRun(process.execPath, ['--eval', EDITOR, configFile, text], { env: calls.env })
}

const EDITOR = `
  const fs = require('node:fs')
  const [file, text] = process.argv.slice(1)
  fs.writeFileSync(file + '.new', text, { flush: true })
  fs.renameSync(file + '.new', file)
  fs.fsyncSync(fs.openSync(require('node:path').dirname(file)))`

import assert from 'node:assert/strict'

import { digestOf } from '../../src/model/digest.ts'
import { httpGet } from '../support/http-get.ts'
import { runCommand } from '../support/run-command.ts'
import type { Template } from './call-farm.ts'
import { MIRROR, openApp, type OpenedApp } from './recovery.ts'
import { fetchAndNote, noteAll, type Run, type Scenario } from './run.ts'
import { verifyOn } from './server-commands.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

/** There is room for all but the last packages; what is large is moved away before it is deleted. */
const NARROW: Template = { synced: 1, fetched: 5, config: { cache: { max_size: '1200KiB' } } }
/** Bytes of two packages and of a file of the repodata have rotted. */
const ROTTEN: Template = { synced: 2, fetched: 4, damaged: { packages: [1, 3], records: [1] } }

/** What is done to stored files and to the database by itself. */
export const STORAGE_SCENARIOS = {
  evict: { template: NARROW, bigBytes: 1_100_000, keep: 100, drive: evict },
  adopt: { template: { synced: 1, fetched: 2, from: 2 }, keep: 100, drive: adopt },
  verify: { template: ROTTEN, keep: 100, open: openAndVerify, drive: verify },
  rebuild: { template: { synced: 3, fetched: 2 }, keep: 100, open: openOrRebuild, drive: rebuild },
} as const satisfies Record<string, Scenario>

/** Fills for which others have to go: by a client, by a command, and of what has gone before. */
async function evict(run: Run): Promise<void> {
  await noteAll(run)
  run.told.note({ kind: 'evicting' })
  const { server, farm } = run
  const [path = '', digest] = [...farm.served.packages].at(5) ?? []
  const reply = await httpGet(`${server.url}/repos/yum/${MIRROR}/latest/${path}`)
  if (reply.status !== 200 || !reply.complete) throw new Error(`${path} was cut, or not had: ${reply.status}`)
  assert.equal(digestOf(reply.body), digest, 'a whole body was wrong')
  await fetchAndNote(run, 6, 8)
  await fetchAndNote(run, 0, 3)
}

/** A tree of an older server beside a server that runs; when its process is killed, once more. */
async function adopt(run: Run): Promise<void> {
  await noteAll(run)
  const tree = run.farm.layOldTree([0, 1])
  const command = () => runPinyon(run, ['adopt', tree, '--json'])
  let ended = await command()
  if (run.calls.killed !== undefined) ended = await command()
  assert.equal(ended.code, 0, ended.stderr + ended.stdout)
  await noteAll(run)
  for (const number of [0, 1])
    for (const path of run.farm.generation(number).packages.keys()) run.told.note({ kind: 'stored', path })
}

/** What has rotted is put aside and fetched again. */
async function verify(run: Run): Promise<void> {
  await noteAll(run)
  const { ok, findings } = await verifyOn(run.server.dataDir)
  assert.ok(ok, JSON.stringify(findings))
  assert.deepEqual(
    findings.map(({ state }) => state),
    ['refetched', 'refetched', 'refetched'],
  )
  for (const path of [...run.farm.served.packages.keys()].slice(0, 4)) run.told.note({ kind: 'stored', path })
}

/** Until it is verified once more, what has rotted and was not found yet is served as it is. */
async function openAndVerify(dir: string): Promise<OpenedApp> {
  const opened = await openApp(dir)
  const { ok, findings } = await opened.app.verify({})
  assert.ok(ok, JSON.stringify(findings))
  return opened
}

/** The database is made anew of its inventory while no server runs. */
async function rebuild(run: Run): Promise<void> {
  await noteAll(run)
  await run.server.kill('SIGTERM')
  const ended = await runPinyon(run, ['verify', '--rebuild'])
  if (run.calls.killed === undefined) assert.equal(ended.code, 0, ended.stderr + ended.stdout)
  run.server = await run.start().catch(async (error: unknown) => {
    if (run.calls.killed === undefined) throw error
    const { code, stdout, stderr } = await runPinyon(run, ['verify', '--rebuild'])
    assert.equal(code, 0, stderr + stdout)
    return await run.start()
  })
  await noteAll(run)
}

/** Between the old database and the new one there is none: a start refuses that, and the command mends it. */
async function openOrRebuild(dir: string): Promise<OpenedApp> {
  return await openApp(dir).catch(async (error: unknown) => {
    assert.match(String(error), /pinyon verify --rebuild/)
    const { code, stdout, stderr } = await runCommand(process.execPath, [
      MAIN,
      'verify',
      '--rebuild',
      '--config',
      `${dir}/pinyon.yaml`,
    ])
    assert.equal(code, 0, stderr + stdout)
    return await openApp(dir)
  })
}

/** Runs a command whose calls are followed. */
async function runPinyon({ dir, calls }: Run, args: readonly string[]): ReturnType<typeof runCommand> {
  const all = [MAIN, ...args, '--config', `${dir}/pinyon.yaml`]
  return await runCommand(process.execPath, all, { env: { ...calls.env, PINYON_LOG: 'silent' } })
}

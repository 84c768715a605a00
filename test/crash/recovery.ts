import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { App } from '../../src/app/app.ts'
import { loadConfig } from '../../src/config/load.ts'
import { digestOf } from '../../src/model/digest.ts'
import { createSilentLogger } from '../../src/system/logger.ts'
import { httpGet } from '../support/http-get.ts'
import type { Generation, Generations } from './generations.ts'
import {
  checkDatabase,
  checkDisk,
  checkFile,
  checkIndexes,
  checkLedger,
  generationOf,
  readJson,
} from './promises.ts'
import type { Promised } from './told.ts'

/** The mirror of which promises are checked. */
export const MIRROR = 'm'

/** A data directory after a crash and what must be true of it. */
export interface CrashSite {
  /** Where the configuration file and the data directory are. */
  readonly dir: string
  readonly generations: Generations
  readonly promised: Promised
  /** Snapshots below this number of the newest may have been retired, when a collection was asked for. */
  readonly keep: number
  /** What upstream has by now. */
  readonly upstreamHas: Generation
  /** How it is opened; as a start does unless told. Else something may have been put aside. */
  readonly open?: Opening | undefined
}

/** Opens a server on what a crash has left, with what an operator has to do for that. */
export type Opening = (dir: string) => Promise<OpenedApp>

/** What {@link openApp} gives. */
export interface OpenedApp {
  readonly app: App
  readonly url: string
}

/** Opens a server in this process on a directory, as `serve` does. */
export async function openApp(dir: string, now?: () => number): Promise<OpenedApp> {
  const load = () => loadConfig(join(dir, 'pinyon.yaml'), {})
  const app = await App.open({
    config: load(),
    log: createSilentLogger(),
    loadConfig: load,
    ...(now === undefined ? {} : { now }),
  })
  try {
    return { app, url: `http://127.0.0.1:${await app.listen()}` }
  } catch (error) {
    await app.close()
    throw error
  }
}

/** Starts a server on what a crash has left, without anything in between, and demands every promise of it; then that it does its work. */
export async function checkRecovery(site: CrashSite): Promise<void> {
  const { app, url } = await (site.open ?? openApp)(site.dir)
  try {
    await checkDisk(join(site.dir, 'data'))
    await checkSite(url, site)
    await checkWork(app, url, site)
  } finally {
    await app.close()
  }
  if (site.open !== undefined) return
  const left = readdirSync(join(site.dir, 'data'))
  const aside = left.filter((name) => name.startsWith('inventory.v1.'))
  assert.deepEqual(aside, [], 'an inventory was taken for that of another database')
}

/** Every promise of the design's §3 that a crash could break, of a server that runs. */
export async function checkSite(url: string, site: CrashSite): Promise<void> {
  const { dir, promised, keep } = site
  const dataDir = join(dir, 'data')
  checkDatabase(dataDir)
  for (const [generation, current] of promised.indexes) await checkIndex(url, generation, current)
  const current = (await checkIndexes(url))[0]
  const published = await listSnapshots(url)
  const known = [...new Set([...promised.snapshots.keys(), ...published])].toSorted()
  const mayGo = promised.mayRetire ? known.slice(0, -keep) : []
  for (const name of known)
    assert.ok(published.includes(name) || mayGo.includes(name), `snapshot ${name} is gone`)
  checkState(dir, promised, { current, newest: published[0] })
  for (const [view, index] of promised.views)
    if (index !== undefined) assert.equal(await readView(url, view), index, `view ${view} has moved`)
  const checked = new Set<string>()
  for (const name of published) await checkSnapshot(url, name, site, checked)
  checkQuarantine(join(dataDir, 'quarantine'), site)
}

/** Nothing was found wrong, or only what is. */
function checkQuarantine(quarantine: string, { open }: CrashSite): void {
  if (!existsSync(quarantine)) return
  const names = readdirSync(quarantine)
  if (open === undefined) assert.deepEqual(names, [], 'something was found wrong')
  for (const name of names)
    assert.notEqual(
      digestOf(readFileSync(join(quarantine, name))),
      name.replace('-', ':'),
      `${name} is right`,
    )
}

/** The names of the mirror's snapshots, newest first. */
export async function listSnapshots(url: string): Promise<readonly string[]> {
  const all = (await readJson(`${url}/api/v1/mirrors/${MIRROR}/snapshots`)) as {
    snapshots?: { name: string }[]
  }
  return (all.snapshots ?? []).map(({ name }) => name)
}

/** A view's index without the server's URL; reading it makes the view when there is none. */
export async function readView(url: string, view: string): Promise<string> {
  const { status, body, complete } = await httpGet(`${url}/repos/views/${view}/all_latest.json`)
  if (!complete) throw new Error(`view ${view} was cut`)
  assert.equal(status, 200, `view ${view}: ${body.toString()}`)
  return body.toString().replaceAll(url, '')
}

/** The mirror's current snapshot in a generation of the index. */
export async function readCurrent(url: string, generation: number): Promise<string | undefined> {
  const reply = await httpGet(`${url}/repos/generations/${generation}/all_latest.json`)
  assert.equal(reply.status, 200, `generation ${generation}: ${reply.status}`)
  const { latest_ci_repos: repos } = JSON.parse(reply.body.toString()) as {
    latest_ci_repos: Record<string, string>
  }
  return repos[MIRROR]?.split('/').at(-1)
}

/** What the configuration says of the mirror. */
export function readState(dir: string): string {
  const mirror = loadConfig(join(dir, 'pinyon.yaml'), {}).mirrors.get(MIRROR)
  if (mirror === undefined) return 'removed'
  return mirror.pin === undefined ? 'not pinned' : `pinned to ${mirror.pin}`
}

async function checkIndex(url: string, generation: number, current: string | undefined): Promise<void> {
  assert.equal(await readCurrent(url, generation), current, `generation ${generation} has changed`)
}

function checkState(
  dir: string,
  { states }: Promised,
  { current, newest }: { current: string | undefined; newest: string | undefined },
): void {
  const state = readState(dir)
  assert.ok(states.size === 0 || states.has(state), `${state} is none of: ${[...states].join(', ')}`)
  if (state === 'removed') assert.equal(current, undefined, 'a mirror that is removed is in the index')
  else if (state === 'not pinned') assert.equal(current, newest, 'current is the newest snapshot')
  else assert.equal(`pinned to ${current}`, state, 'current is the pinned snapshot')
}

/** @param checked packages that were read already, in another snapshot */
async function checkSnapshot(
  url: string,
  name: string,
  { generations, promised }: CrashSite,
  checked: Set<string>,
): Promise<void> {
  const base = `${url}/repos/yum/${MIRROR}/${name}`
  const generation = await generationOf(url, name, generations)
  const known = promised.snapshots.get(name)
  if (known !== undefined) assert.equal(generation.number, known.number, `snapshot ${name} changed`)
  for (const [path, digest] of generation.repodata) await checkFile(`${base}/${path}`, digest, 'hit')
  for (const [path, digest] of generation.packages) {
    if (checked.has(path)) {
      assert.equal(
        (await httpGet(`${base}/${path}`, { method: 'HEAD' })).status,
        200,
        `${name} lists ${path}`,
      )
      continue
    }
    checked.add(path)
    // One that was stored may have been evicted: upstream still has it.
    const mustBeHere = promised.stored.has(path) && !promised.mayEvict
    await checkFile(`${base}/${path}`, digest, mustBeHere ? 'hit' : undefined)
  }
}

/** After everything, the server does its work as if nothing had been. */
async function checkWork(app: App, url: string, { dir, upstreamHas }: CrashSite): Promise<void> {
  const isThere = readState(dir) !== 'removed'
  if (isThere) {
    const result = await app.sync(MIRROR)
    assert.ok(result.outcome !== 'failed', result.outcome === 'failed' ? result.error.message : '')
    const name = result.snapshot.name
    const repomd = await httpGet(`${url}/repos/yum/${MIRROR}/${name}/repodata/repomd.xml`)
    assert.equal(digestOf(repomd.body), upstreamHas.repomd, 'a sync brings what upstream has')
    const base = `${url}/repos/yum/${MIRROR}/${name}`
    for (const [path, digest] of [...upstreamHas.repodata, ...upstreamHas.packages])
      await checkFile(`${base}/${path}`, digest)
  }
  await app.collector.collect({ reconcile: true })
  checkLedger(join(dir, 'data'))
  await checkIndexes(url)
}

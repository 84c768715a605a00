import type { TestContext } from 'node:test'

import { digestOf, type Digest } from '../../src/model/digest.ts'
import { checkFile, checkLedger } from '../crash/promises.ts'
import { Gpg } from '../support/gpg.ts'
import { httpGet } from '../support/http-get.ts'
import { Random } from '../support/random.ts'
import { findTool } from '../support/tools.ts'
import { Farm } from './farm.ts'
import { HonestClient } from './honest-client.ts'
import { Judge } from './judge.ts'
import type { Desk } from './desk.ts'
import { Operator } from './operator.ts'
import { MIRRORS, Repositories, type MirrorName, type Tree } from './repositories.ts'
import { Troublemaker } from './troublemaker.ts'
import { Weather } from './weather.ts'

const CLIENTS = 5
const NAMES = Object.keys(MIRRORS) as MirrorName[]
/** A whole look at the end, when everything is well again, may take so many tries: sources have been set aside. */
const LAST_TRIES = 20

/** How a soak went. */
export interface SoakReport {
  readonly seed: number
  readonly seconds: number
  readonly judge: Judge
  readonly peakBytes: number
  readonly snapshots: number
}

/**
 * Runs everything at once for a while: upstreams that publish and misbehave, an operator, a disk that fails, kills, clients that mean no good,
 * and honest ones that hold every byte against what upstream ever had. At the end all is well again, and all of it is looked at.
 * Never throws for a promise that is not kept: that is in the report.
 */
export async function soak(t: TestContext, seconds: number, seed: number): Promise<SoakReport> {
  const judge = new Judge()
  const random = new Random(seed)
  const weather = new Weather()
  const gpg = findTool('gpg') === undefined ? undefined : Gpg.create(t)
  const repositories = await Repositories.start(t, random, gpg)
  const farm = await Farm.start(t, { repositories, weather, judge, random })
  const synced = new Map<MirrorName, Tree>()
  const snapshots = new Map<string, Digest>()
  const desk = {
    farm,
    repositories,
    weather,
    judge,
    random,
    snapshots,
    onSynced: (mirror: MirrorName, repomd: Digest) => {
      const tree = repositories.trees.get(repomd)
      if (tree !== undefined) synced.set(mirror, tree)
    },
  }
  const trouble = new Troublemaker(desk)
  const operator = new Operator(desk, trouble)
  const hasLeft = (mirror: MirrorName, path: string) =>
    synced.get(mirror) === repositories.newest(mirror) && !repositories.newest(mirror).packages.has(path)
  const around = { url: farm.url, repositories, weather, judge, snapshots, safe: new Set<Digest>(), hasLeft }
  const endsAt = performance.now() + seconds * 1000
  const isRunning = () => judge.violation === undefined && performance.now() < endsAt
  try {
    for (const mirror of NAMES) await operator.sync(mirror)
    const clients = Array.from(
      { length: CLIENTS },
      (_, at) => new HonestClient(`c${at}`, new Random(seed + at + 1), around),
    )
    const working = [operator.run(isRunning), ...clients.map((client) => client.run(isRunning))]
    const results = await Promise.allSettled(working)
    for (const result of results) if (result.status === 'rejected') throw result.reason as Error
    if (judge.violation === undefined) await lookAtAll(desk, operator, trouble)
  } catch (error) {
    judge.fail(error)
  }
  trouble.close()
  farm.noteMemory()
  return { seed, seconds, judge, peakBytes: farm.peakBytes, snapshots: snapshots.size }
}

/** Everything is well: every package of every mirror can be had, and what is entered is what is on the disk. */
async function lookAtAll(
  { farm, repositories, judge }: Desk,
  operator: Operator,
  trouble: Troublemaker,
): Promise<void> {
  for (const mirror of NAMES) await trouble.heal(mirror)
  await farm.restart('SIGTERM')
  for (const mirror of NAMES) {
    let last = ''
    for (let attempt = 0; attempt < LAST_TRIES && !/published|unchanged/.test(last); attempt += 1)
      last = await operator.sync(mirror)
    const tree = repositories.newest(mirror)
    const { body } = await httpGet(`${farm.url}/repos/yum/${mirror}/latest/repodata/repomd.xml`)
    judge.expect(
      'a failed sync changes nothing, a crash loses nothing',
      digestOf(body) === tree.repomd,
      () => `in the end ${mirror} is not upstream’s generation ${tree.number}: ${last}`,
    )
    const base = `${farm.url}/repos/yum/${mirror}/latest`
    for (const [path, { digest }] of tree.packages) {
      let error: unknown
      for (let attempt = 0; attempt < LAST_TRIES; attempt += 1) {
        error = await checkFile(`${base}/${path}`, digest).catch((thrown: unknown) => thrown)
        if (error === undefined) break
      }
      judge.expect('what a snapshot lists can be had', error === undefined, () => String(error))
    }
  }
  await farm.admin((server) => server.write({ method: 'POST', path: 'gc' }))
  checkLedger(farm.dataDir)
}

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'

import { digestOf } from '../../src/model/digest.ts'
import { ServerConnection } from '../../src/cli/server-connection.ts'
import type { SyncLine } from '../../src/http/send-sync.ts'
import type { GcReport } from '../../src/snapshot/gc/gc-report.ts'
import { httpGet } from '../support/http-get.ts'
import type { Random } from '../support/random.ts'
import { startServer, type StartedServer } from '../support/start-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'
import { Generations, type Generation } from './generations.ts'
import { checkFile, checkLedger, checkPromises, type Witness } from './promises.ts'

/** How a loop went. */
export interface KillReport {
  kills: number
  /** Kills that hit a running sync, and those that hit a running fill. */
  duringSync: number
  duringFill: number
  snapshots: number
  /** Kills that hit a running collection, and snapshots that collections retired. */
  duringCollection: number
  retired: number
}

/** The kill falls within this many times what a whole sync took here, so anywhere in it and a little behind it. */
const KILL_WINDOW = 1.2
/** Few, so that fills go on as long as the sync does. */
const COLD_CLIENTS = 2
/** Snapshots kept, so that collections have something to retire. */
const KEEP = 3
/** Room for some generations' packages, so that collections have something to evict. */
const MAX_SIZE = '12MiB'
/** In a row: more would leave no time to the sync. */
const COLLECTIONS = 2

/**
 * Kills a server (SIGKILL) at random moments of a sync with cold packages being fetched beside it, restarts it on the same data, and
 * checks every promise, again and again. Throws at the first one broken.
 */
export async function killLoop(t: TestContext, times: number, random: Random): Promise<KillReport> {
  const dir = tempDir(t)
  const generations = new Generations(join(dir, 'upstream'))
  mkdirSync(generations.dir)
  generations.publish()
  const upstream = await startUpstream(t, generations.dir)
  // In half of the loops what upstream has may be evicted, and is then fetched again; in the others what was delivered stays.
  const evicts = random.once(2)
  const witness: Witness = {
    snapshots: new Map(),
    delivered: new Set(),
    indexGeneration: 0,
    keep: KEEP,
    evicts,
  }
  const report: KillReport = {
    kills: 0,
    duringSync: 0,
    duringFill: 0,
    snapshots: 0,
    duringCollection: 0,
    retired: 0,
  }
  const config = {
    listen: '127.0.0.1:0',
    data_dir: './data',
    sync_interval: 'off',
    retention: { keep: KEEP, keep_used: '0s' },
    ...(evicts ? { cache: { max_size: MAX_SIZE } } : {}),
    mirrors: { m: { baseurl: upstream.url, retries: 0 } },
  }
  const options = { text: JSON.stringify(config), dir }
  // Small pieces make transfers long enough to be hit.
  upstream.rules = [{ match: /./, bytesPerTick: 4_096 }]
  let wholeMs = 0
  for (let round = 0; round < times; round += 1) {
    const server = await startServer(t, options)
    await checkPromises(server.url, server.dataDir, generations, witness)
    // In half of the rounds what was interrupted is finished first, so that there is always something cold that is current.
    if (round === 0 || random.once(2)) {
      const startedAt = performance.now()
      await runSync(server)
      wholeMs = Math.max(wholeMs, performance.now() - startedAt)
      await checkPromises(server.url, server.dataDir, generations, witness)
    }
    generations.publish()
    await killWhileBusy(server, witness, random.below(Math.ceil(wholeMs * KILL_WINDOW)), report)
    report.kills += 1
  }
  const last = await startServer(t, options)
  await checkPromises(last.url, last.dataDir, generations, witness)
  await checkRecovery(last, generations.newest)
  report.snapshots = witness.snapshots.size
  return report
}

async function killWhileBusy(
  server: StartedServer,
  witness: Witness,
  killAfterMs: number,
  report: KillReport,
): Promise<void> {
  let syncing = true
  let filling = 0
  const sync = runSync(server).finally(() => (syncing = false))
  const fills = fetchCold(server, witness, (delta) => (filling += delta))
  let collecting = 0
  const collections = collectInARow(server, report, (delta) => (collecting += delta))
  const kill = after(killAfterMs).then(async () => {
    if (syncing) report.duringSync += 1
    if (filling > 0) report.duringFill += 1
    if (collecting > 0) report.duringCollection += 1
    await server.kill()
  })
  const results = await Promise.allSettled([sync, fills, collections, kill])
  // Whoever was cut off by the kill is no news; a wrong body is.
  for (const result of results) if (isBrokenPromise(result)) throw result.reason
}

async function runSync(server: StartedServer): Promise<void> {
  const connection = await ServerConnection.open(join(server.dataDir, 'admin.sock'))
  assert.ok(connection !== undefined)
  for await (const line of connection.post<SyncLine>('/api/v1/mirrors/m/sync')) if ('result' in line) break
  await connection.close()
}

async function collectInARow(
  server: StartedServer,
  report: KillReport,
  onCollecting: (delta: number) => void,
): Promise<void> {
  for (let count = 0; count < COLLECTIONS; count += 1) {
    onCollecting(1)
    try {
      const { snapshots } = await collect(server)
      report.retired += snapshots.filter(({ goes }) => goes).length
    } finally {
      onCollecting(-1)
    }
  }
}

async function collect(server: StartedServer): Promise<GcReport> {
  const connection = await ServerConnection.open(join(server.dataDir, 'admin.sock'))
  assert.ok(connection !== undefined)
  try {
    return await connection.write<GcReport>({ method: 'POST', path: 'gc' })
  } finally {
    await connection.close()
  }
}

/** Clients that fetch packages nobody has fetched, of whatever is current; notes the bodies that came whole. */
async function fetchCold(
  server: StartedServer,
  witness: Witness,
  onFilling: (delta: number) => void,
): Promise<void> {
  const current = (await httpGet(`${server.url}/repos/yum/m/latest.txt`)).body.toString().trimEnd()
  const generation = witness.snapshots.get(current)
  if (generation === undefined) return
  const cold = [...generation.packages].filter(([path]) => !witness.delivered.has(path))
  const fetchNext = async (): Promise<void> => {
    for (let next = cold.shift(); next !== undefined; next = cold.shift()) {
      const [path, digest] = next
      onFilling(1)
      try {
        const url = `${server.url}/repos/yum/m/${current}/${path}`
        const reply = await httpGet(url)
        if (reply.status !== 200 || !reply.complete) continue
        assert.equal(digestOf(reply.body), digest, `a whole body of ${path} was wrong`)
        // Durable when it can be had again as a hit: the tail goes out before the blob is renamed to its name.
        const again = await httpGet(url)
        if (again.complete && again.headers['x-cache'] === 'hit') witness.delivered.add(path)
      } finally {
        onFilling(-1)
      }
    }
  }
  const clients = Array.from({ length: COLD_CLIENTS }, fetchNext)
  const results = await Promise.allSettled(clients)
  for (const result of results) if (isBrokenPromise(result)) throw result.reason
}

function isBrokenPromise(result: PromiseSettledResult<unknown>): result is PromiseRejectedResult {
  return result.status === 'rejected' && result.reason instanceof assert.AssertionError
}

/** After everything, the server does its work as if nothing had been. */
async function checkRecovery(server: StartedServer, newest: Generation): Promise<void> {
  await runSync(server)
  await collect(server)
  checkLedger(server.dataDir)
  const base = `${server.url}/repos/yum/m/latest`
  for (const [path, digest] of [...newest.repodata, ...newest.packages])
    await checkFile(`${base}/${path}`, digest)
  // Nothing is fetched any more.
  while ((await readdir(join(server.dataDir, 'blobs.v1/temporary'))).length > 0) await after(5)
}

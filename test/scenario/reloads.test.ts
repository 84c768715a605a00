import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { ServerConnection } from '../../src/cli/server-connection.ts'
import { userName } from '../../src/cli/user-name.ts'
import type { GenerationView } from '../../src/proxy/api-generations.ts'
import { extent } from '../support/extent.ts'
import { httpGet } from '../support/http-get.ts'
import { Random } from '../support/random.ts'
import { startServer, type StartedServer } from '../support/start-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import { BusyClient } from './reloads/client.ts'
import { judgeOrigins, judgeSightings, readPast } from './reloads/judge.ts'
import { kindOf, Operator } from './reloads/operator.ts'
import { DIGITS, formatConfig, REPOSITORIES, type Pins } from './reloads/plan.ts'
import { Publisher } from './reloads/publisher.ts'
import { Syncs } from './reloads/syncs.ts'

const RELOADS = extent({ full: 1_000, slice: 150 })
const SYNCS = extent({ full: 200, slice: 60 })
const CLIENTS = extent({ full: 64, slice: 16 })
/** Syncs at a time, each of another mirror: turns alternate between two that nobody else syncs. */
const LANES = 2

interface Farm {
  readonly server: StartedServer
  readonly admin: ServerConnection
  readonly publisher: Publisher
  readonly syncs: Syncs
  readonly pins: Pins
}

test(`${RELOADS} reloads and ${SYNCS} syncs under ${CLIENTS} clients: no request fails, no index is mixed`, async (t) => {
  const farm = await startFarm(t)
  const { server, admin, publisher, syncs } = farm
  const setUp = (await readGenerations(server.url)).length
  const operator = new Operator(farm)
  await operator.change(0)
  const before = { ...server.memory(), files: countFiles(server) }
  const texts = new Map<string, string>()
  const intern = (text: string) => texts.get(text) ?? (texts.set(text, text), text)
  const around = {
    url: server.url,
    trees: publisher.trees,
    snapshots: new Map(),
    floor: () => operator.floor,
    intern,
  }
  const clients = Array.from({ length: CLIENTS }, (_, at) => new BusyClient(`c${at}`, new Random(at), around))
  let running = true
  let halfway = 0
  const changing = async () => {
    for (let round = 1; round < RELOADS; round += 1) {
      if (running) await operator.change(round)
      if (round === RELOADS / 2) halfway = server.memory().rss
    }
  }
  const syncing = async (lane: number) => {
    for (let turn = lane; turn < SYNCS; turn += LANES) if (running) await syncs.next(turn)
  }
  const startedAt = performance.now()
  // Whoever fails ends it for all.
  const ending = async (work: Promise<unknown>) => await work.finally(() => (running = false))
  const working = ending(Promise.all([changing(), syncing(0), syncing(1)]))
  await Promise.all([working, ...clients.map((client) => ending(client.run(() => running)))])
  const seconds = (performance.now() - startedAt) / 1000
  const after = server.memory()

  const generations = await judge(farm, { setUp, clients })
  assert.ok(syncs.retired > 0, 'collections retired nothing')
  const counts = sumCounts(clients)
  for (const [kind, count] of Object.entries(counts)) assert.ok(count > CLIENTS, `${kind}: only ${count}`)
  for (const { connects } of clients) assert.equal(connects, 1, 'a connection was lost')
  await admin.close()
  t.diagnostic(JSON.stringify({ seconds, counts, rounds: operator.rounds, retired: syncs.retired }))
  t.diagnostic(JSON.stringify({ generations, indexes: texts.size, before, halfway, after }))
  // Connections upstream end some seconds after their last use; the test's own time limit ends the wait.
  while (countFiles(server) > before.files + FILES_SLACK) await httpGet(`${server.url}/healthz`)
  assert.ok(after.rss < halfway + RSS_SLACK_BYTES, `${halfway} bytes became ${after.rss}`)
})

/** Descriptors that may come and go by themselves: a connection of the test's own, a file kept open. */
const FILES_SLACK = 8
/** By how much the server may still grow in the second half: caches fill, and threads come and go. */
const RSS_SLACK_BYTES = 64 << 20

/** Judges what was seen and what is remembered; gives the number of generations. */
async function judge(
  { server, pins }: Farm,
  { setUp, clients }: { readonly setUp: number; readonly clients: readonly BusyClient[] },
): Promise<number> {
  const views = await readGenerations(server.url)
  const past = await readPast(server.url, { setUp, count: views.length }, pins)
  for (const [at, { sightings }] of clients.entries()) judgeSightings(`client ${at}`, sightings, past)
  const rounds = new Set(past.generations.map(({ round }) => round).filter((round) => round !== undefined))
  const accepted = Array.from({ length: RELOADS }, (_, round) => round).filter(
    (round) => kindOf(round) !== 'broken' && kindOf(round) !== 'remove',
  )
  assert.deepEqual([...rounds], accepted, 'each round that was not refused began one generation, in order')
  judgeOrigins(views, past, {
    user: `socket user ${userName()}`,
    isApiRound: (round) => kindOf(round) === 'pin',
  })
  return views.length
}

/** A server whose digits have a snapshot for each value that rounds give them, all held by views. */
async function startFarm(t: TestContext): Promise<Farm> {
  const publisher = await Publisher.start(t)
  for (const repository of REPOSITORIES) publisher.push(repository)
  const text = formatConfig(publisher, 0)
  const server = await startServer(t, { dir: tempDir(t), text, env: frugalEnvironment() })
  const admin = await ServerConnection.open(join(server.dataDir, 'admin.sock'))
  assert.ok(admin !== undefined)
  const syncs = new Syncs(server.url, admin, publisher)
  for (const mirror of ['moving', 'steady-0', 'named', 'coming']) await syncs.sync(mirror)
  const steady = (await syncs.sync('steady-1')).snapshot ?? ''
  // The one before it is in no view, so that there is one to retire.
  publisher.push('steady-0')
  await syncs.sync('steady-0')
  const digits = { hundreds: [] as string[], tens: [] as string[], units: [] as string[] }
  for (let digit = 0; digit < 10; digit += 1) {
    for (const mirror of DIGITS) {
      if (mirror === 'hundreds' && digit * 100 >= RELOADS) continue
      if (digit > 0) publisher.push(mirror)
      digits[mirror].push((await syncs.sync(mirror)).snapshot ?? '')
    }
    const held = await httpGet(`${server.url}/repos/views/operator-${digit}/all_latest.json?ttl=1h`)
    assert.equal(held.status, 200)
  }
  // So that round 0, which pins the first of each, is not what the index was before.
  publisher.push('moving-a')
  await syncs.sync('moving')
  return { server, admin, publisher, syncs, pins: { digits, steady } }
}

/** What is not needed any more is given back soon, so that growth can be told from laziness; what leaks ends the server. */
function frugalEnvironment(): Record<string, string> {
  const options = '--max-old-space-size=96 --max-semi-space-size=4'
  return { MALLOC_ARENA_MAX: '2', NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} ${options}` }
}

function countFiles({ process: { pid } }: StartedServer): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

async function readGenerations(url: string): Promise<GenerationView[]> {
  const all: GenerationView[] = []
  for (let before = 1_000_000; ; before = all.at(-1)?.generation ?? 1) {
    const { body } = await httpGet(`${url}/api/v1/generations?limit=500&before=${before}`)
    const { generations } = JSON.parse(body.toString()) as { generations: GenerationView[] }
    all.push(...generations)
    if (generations.length < 500) return all.toReversed()
  }
}

function sumCounts(clients: readonly BusyClient[]): BusyClient['counts'] {
  const sum = { index: 0, latest: 0, view: 0, repomd: 0, repodata: 0, package: 0, fill: 0 }
  for (const { counts } of clients)
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += counts[key]
  return sum
}

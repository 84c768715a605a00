/**
 * What further processes bring: `npm run bench:workers -- [--counts 1,2] [--sizes 2k,64k] [--rounds N] [--seconds S] [--connections C]`. The same
 * files from as many processes as told, each with so many connections, from a wrk of one thread for each process. Where those take the processor
 * from the processes, as on two cores, the processor time of a request, over all of them, tells what they could do; and beside each is what as
 * many servers of one process cost, which share nothing: what is more than theirs is what working together costs, the rest is the machine's.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

import { childrenOf } from '../test/support/processes.ts'
import { writeSyntheticRepository } from '../test/support/synthetic-repository.ts'
import { readCpuSeconds, readRssBytes } from './measure/process-figures.ts'
import { runWrk } from './measure/wrk.ts'
import type { Peer } from './peers/peer.ts'
import { startPinyonPeer } from './peers/pinyon.ts'
import { formatTable } from './report/table.ts'
import { readArguments } from '../test/support/script-arguments.ts'

const SIZES: Readonly<Record<string, number>> = { '2k': 2 << 10, '64k': 64 << 10, '1m': 1 << 20 }

const options = {
  counts: { type: 'string', default: '1,2' },
  sizes: { type: 'string', default: '2k,64k' },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '2' },
  connections: { type: 'string', default: '16' },
} as const
const { values } = readArguments(import.meta.filename, (args) => parseArgs({ args: [...args], options }))
const dir = mkdtempSync(join(tmpdir(), 'pinyon-workers-'))
const peers: Peer[] = []
try {
  const root = join(dir, 'repository')
  const sizes = values.sizes.split(',')
  writeSyntheticRepository(root, { packages: sizes.map((name) => ({ name, content: SIZES[name] ?? 0 })) })
  const teams: Team[] = []
  for (const count of values.counts.split(',').map(Number)) {
    teams.push({ name: countOf(count, 'process', 'es'), servers: [await start(root, count)] })
    if (count === 1) continue
    const apart: Peer[] = []
    while (apart.length < count) apart.push(await start(root, 1))
    teams.push({ name: `${countOf(count, 'server', 's')} of one`, servers: apart })
  }
  const rows: string[][] = []
  for (const size of sizes) rows.push(...(await measure(teams, size)))
  const head = ['', '', 'requests/s', 'CPU/request', 'of it, by process', 'p99', 'RSS', 'errors']
  process.stdout.write(formatTable([head, ...rows]))
} finally {
  await Promise.all(peers.map((peer) => peer.stop()))
  rmSync(dir, { recursive: true, force: true })
}

/** Servers that are loaded together. */
interface Team {
  readonly name: string
  readonly servers: readonly Peer[]
}

function countOf(count: number, one: string, more: string): string {
  return `${count} ${one}${count === 1 ? '' : more}`
}

async function start(root: string, workers: number): Promise<Peer> {
  const peer = await startPinyonPeer({
    name: `${workers}`,
    dir: join(dir, String(peers.length)),
    mirrors: { m: pathToFileURL(`${root}/`).href },
    settings: { workers },
  })
  peers.push(peer)
  return peer
}

/** In turn, so that what else the machine does comes to all alike; medians. */
async function measure(teams: readonly Team[], size: string): Promise<string[][]> {
  const results = new Map<Team, Awaited<ReturnType<typeof load>>[]>(teams.map((team) => [team, []]))
  for (const team of teams) await load(team, size, 1)
  for (let round = 0; round < Number(values.rounds); round += 1)
    for (const team of teams) results.get(team)?.push(await load(team, size, Number(values.seconds)))
  return teams.map((team) => {
    const all = results.get(team) ?? []
    const [middle] = all.toSorted((a, b) => a.cpuUs - b.cpuUs).slice(Math.floor(all.length / 2))
    const shares = middle?.shares.map((share) => `${Math.round(share * 100)} %`).join(' ') ?? ''
    const rssBytes = team.servers.reduce((sum, { pid }) => sum + readRssBytes(pid), 0)
    return [
      size,
      team.name,
      (middle?.perSecond ?? 0).toFixed(0),
      `${(middle?.cpuUs ?? 0).toFixed(1)} µs`,
      shares,
      `${middle?.p99Us ?? 0} µs`,
      `${Math.round(rssBytes / 2 ** 20)} MiB`,
      String(all.reduce((sum, { errors }) => sum + errors, 0)),
    ]
  })
}

async function load({ servers }: Team, size: string, seconds: number) {
  const before = servers.map(readUse)
  const asked = servers.flatMap((server) =>
    Array.from({ length: 1 + childrenOf(server.pid, 'worker-process').length }, () =>
      runWrk({
        url: `${server.url}${server.base}/Packages/${size[0]}/${size}-1.0-1.noarch.rpm`,
        connections: Number(values.connections),
        seconds,
      }),
    ),
  )
  const answered = await Promise.all(asked)
  const used = servers.flatMap((server, which) =>
    readUse(server).map((now, at) => now - (before[which]?.[at] ?? 0)),
  )
  const all = used.reduce((sum, one) => sum + one, 0)
  return {
    perSecond: answered.reduce((sum, { requests, seconds: took }) => sum + requests / took, 0),
    cpuUs: (all / answered.reduce((sum, { requests }) => sum + requests, 0)) * 1e6,
    shares: used.map((one) => one / all),
    p99Us: Math.max(...answered.map(({ p99Us }) => p99Us)),
    errors: answered.reduce((sum, { errors }) => sum + errors, 0),
  }
}

/** Processor time by process, in seconds: of the first one, then of each worker. */
function readUse({ pid }: Peer): number[] {
  const workers = childrenOf(pid, 'worker-process').map(readCpuSeconds)
  return [workers.reduce((rest, one) => rest - one, readCpuSeconds(pid)), ...workers]
}

/**
 * What further processes bring: `npm run bench:workers -- [--counts 1,2] [--sizes 2k,64k] [--rounds N] [--seconds S] [--connections C]`. The same
 * files from as many processes as told, each with so many connections; wrk asks, from one thread. Where it takes the processor from them, as on
 * two cores, the processor time of a request, over all processes, tells what they could do: so much of it more, so much less than twice is two's
 * throughput.
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

const SIZES: Readonly<Record<string, number>> = { '2k': 2 << 10, '64k': 64 << 10, '1m': 1 << 20 }

const { values } = parseArgs({
  options: {
    counts: { type: 'string', default: '1,2' },
    sizes: { type: 'string', default: '2k,64k' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    connections: { type: 'string', default: '16' },
  },
})
const dir = mkdtempSync(join(tmpdir(), 'pinyon-workers-'))
const peers: Peer[] = []
try {
  const root = join(dir, 'repository')
  const sizes = values.sizes.split(',')
  writeSyntheticRepository(root, { packages: sizes.map((name) => ({ name, content: SIZES[name] ?? 0 })) })
  for (const count of values.counts.split(',').map(Number))
    peers.push(
      await startPinyonPeer({
        name: `${count} process${count === 1 ? '' : 'es'}`,
        dir: join(dir, String(count)),
        mirrors: { m: pathToFileURL(`${root}/`).href },
        settings: { workers: count },
      }),
    )
  const rows: string[][] = []
  for (const size of sizes) rows.push(...(await measure(size)))
  const head = ['', '', 'requests/s', 'CPU/request', 'of it, by process', 'p99', 'RSS', 'errors']
  process.stdout.write(formatTable([head, ...rows]))
} finally {
  await Promise.all(peers.map((peer) => peer.stop()))
  rmSync(dir, { recursive: true, force: true })
}

/** In turn, so that what else the machine does comes to all alike; medians. */
async function measure(size: string): Promise<string[][]> {
  const results = new Map<Peer, Awaited<ReturnType<typeof load>>[]>(peers.map((peer) => [peer, []]))
  for (const peer of peers) await load(peer, size, 1)
  for (let round = 0; round < Number(values.rounds); round += 1)
    for (const peer of peers) results.get(peer)?.push(await load(peer, size, Number(values.seconds)))
  return peers.map((peer) => {
    const all = results.get(peer) ?? []
    const [middle] = all.toSorted((a, b) => a.cpuUs - b.cpuUs).slice(Math.floor(all.length / 2))
    const shares = middle?.shares.map((share) => `${Math.round(share * 100)} %`).join(' ') ?? ''
    return [
      size,
      peer.name,
      (middle?.perSecond ?? 0).toFixed(0),
      `${(middle?.cpuUs ?? 0).toFixed(1)} µs`,
      shares,
      `${middle?.p99Us ?? 0} µs`,
      `${Math.round(readRssBytes(peer.pid) / 2 ** 20)} MiB`,
      String(all.reduce((sum, { errors }) => sum + errors, 0)),
    ]
  })
}

async function load(peer: Peer, size: string, seconds: number) {
  const count = 1 + childrenOf(peer.pid, 'worker-process').length
  const url = `${peer.url}${peer.base}/Packages/${size[0]}/${size}-1.0-1.noarch.rpm`
  const before = readUse(peer)
  const {
    requests,
    seconds: took,
    p99Us,
    errors,
  } = await runWrk({
    url,
    connections: Number(values.connections) * count,
    seconds,
  })
  const used = readUse(peer).map((now, at) => now - (before[at] ?? 0))
  const all = used.reduce((sum, one) => sum + one, 0)
  return {
    perSecond: requests / took,
    cpuUs: (all / requests) * 1e6,
    shares: used.map((one) => one / all),
    p99Us,
    errors,
  }
}

/** Processor time by process, in seconds: of the first one, then of each worker. */
function readUse({ pid }: Peer): number[] {
  const workers = childrenOf(pid, 'worker-process').map(readCpuSeconds)
  return [workers.reduce((rest, one) => rest - one, readCpuSeconds(pid)), ...workers]
}

/**
 * What a hit costs, against nginx: `npm run bench:hot -- [--rounds N] [--seconds S] [--sizes 2k,64k,1m,32m] [--connections 1,16,512]
 * [--only SCENARIO] [--peers NAME,…] [--json FILE]`. One worker each, keep-alive, no access log, everything in memory or in the page cache; wrk asks, from one
 * thread. Ratios are of requests/s and processor time, pinyon's to the peer's, round by round: medians, and quartiles in brackets.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

import { writeSyntheticRepository } from '../test/support/synthetic-repository.ts'
import { measureScenario, type PeerFigures, type Scenario } from './measure/rounds.ts'
import { formatSpread } from './measure/statistics.ts'
import { formatTable } from './measure/table.ts'
import { startNginxPeer } from './peers/nginx.ts'
import type { Peer } from './peers/peer.ts'
import { startPinyonPeer, type PinyonOptions } from './peers/pinyon.ts'

const SIZES: Readonly<Record<string, number>> = {
  '2k': 2 << 10,
  '64k': 64 << 10,
  '1m': 1 << 20,
  '32m': 32 << 20,
}
const MIRROR = 'hot'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
    sizes: { type: 'string', default: '2k,64k,1m,32m' },
    connections: { type: 'string', default: '1,16,512' },
    only: { type: 'string', default: '' },
    peers: { type: 'string', default: '' },
    json: { type: 'string' },
  },
})
const rounds = { rounds: Number(values.rounds), seconds: Number(values.seconds) }
const dir = mkdtempSync(join(tmpdir(), 'pinyon-hot-'))
const peers: Peer[] = []
try {
  await startPeers()
  const scenarios = (await createScenarios()).filter(({ name }) => name.includes(values.only))
  const results: { scenario: string; peers: Record<string, PeerFigures | undefined> }[] = []
  for (const scenario of scenarios) {
    await warm(scenario)
    const figures = await measureScenario(peers, scenario, rounds)
    process.stdout.write(`\n${scenario.name}, ${scenario.connections} connections\n${describe(figures)}`)
    const named = Object.fromEntries(peers.map(({ name }, at) => [name, figures[at]]))
    results.push({ scenario: `${scenario.name}, ${scenario.connections}`, peers: named })
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 1)}\n`)
} finally {
  await Promise.all(peers.map((peer) => peer.stop()))
  rmSync(dir, { recursive: true, force: true })
}

async function startPeers(): Promise<void> {
  const root = join(dir, 'repository')
  const packages = Object.entries(SIZES).map(([name, content]) => ({ name: `size-${name}`, content }))
  writeSyntheticRepository(root, { packages })
  const start = (name: string, options: Partial<PinyonOptions> = {}) =>
    startPinyonPeer({
      name,
      dir: join(dir, name.replaceAll(' ', '-')),
      mirrors: { [MIRROR]: pathToFileURL(`${root}/`).href },
      ...options,
    })
  const starts: readonly (readonly [name: string, start: () => Promise<Peer>])[] = [
    ['pinyon', () => start('pinyon')],
    ['nginx proxy_cache', () => startNginxPeer('proxy_cache', { dir: join(dir, 'proxy_cache'), root })],
    ['nginx static', () => startNginxPeer('static', { dir: join(dir, 'static'), root })],
    ['pinyon, logging', () => start('pinyon, logging', { logLevel: 'info' })],
    ['pinyon, fast_path off', () => start('pinyon, fast_path off', { settings: { fast_path: false } })],
  ]
  const wanted = values.peers.split(',')
  for (const [name, startPeer] of starts)
    if (name === 'pinyon' || wanted.some((one) => name.endsWith(one))) peers.push(await startPeer())
}

function path(size: string): string {
  return `/Packages/s/size-${size}-1.0-1.noarch.rpm`
}

async function createScenarios(): Promise<Scenario[]> {
  const bases = await Promise.all(peers.map((peer) => baseOf(peer)))
  const scenarios: Scenario[] = []
  const connections = values.connections.split(',').map(Number)
  const add = (name: string, target: string, headers: Readonly<Record<string, string>> = {}) => {
    for (const count of connections)
      scenarios.push({
        name,
        connections: count,
        requests: bases.map((base) => ({ path: base + target, headers })),
      })
  }
  for (const size of values.sizes.split(',')) add(size, path(size))
  const [pinyon, ...others] = peers
  const etags = await Promise.all(
    [pinyon, ...others].map((peer, at) => etagOf(`${peer?.url}${bases[at]}${path('64k')}`)),
  )
  for (const count of connections.filter((one) => one === 16)) {
    const conditional = bases.map((base, at) => ({
      path: base + path('64k'),
      headers: { 'If-None-Match': etags[at] ?? '' },
    }))
    scenarios.push({ name: '304', connections: count, requests: conditional })
    const range = { Range: 'bytes=100000-165535' }
    scenarios.push({
      name: 'range of 64k in 1m',
      connections: count,
      requests: bases.map((base) => ({ path: base + path('1m'), headers: range })),
    })
    scenarios.push({
      name: 'all_latest.json',
      connections: count,
      requests: peers.map((peer) => (isPinyon(peer) ? { path: '/repos/yum/all_latest.json' } : undefined)),
    })
  }
  return scenarios
}

function isPinyon({ name }: Peer): boolean {
  return name.startsWith('pinyon')
}

/** What stands before a package's path. */
async function baseOf(peer: Peer): Promise<string> {
  if (!isPinyon(peer)) return ''
  const name = await (await fetch(`${peer.url}/repos/yum/${MIRROR}/latest.txt`)).text()
  return `/repos/yum/${MIRROR}/${name.trim()}`
}

async function etagOf(url: string): Promise<string> {
  const reply = await fetch(url)
  await reply.arrayBuffer()
  return reply.headers.get('etag') ?? ''
}

/** The first answers are fills. */
async function warm({ requests }: Scenario): Promise<void> {
  for (const [at, request] of requests.entries())
    for (let times = 0; times < 5 && request !== undefined; times += 1)
      await (await fetch(`${peers[at]?.url}${request.path}`)).arrayBuffer()
}

function formatUs(us: number): string {
  return us >= 10_000 ? `${(us / 1000).toFixed(1)} ms` : `${us.toFixed(0)} µs`
}

function describe(figures: readonly (PeerFigures | undefined)[]): string {
  const rows = figures.flatMap((one, at) =>
    one === undefined
      ? []
      : [
          [
            peers[at]?.name ?? '',
            one.requestsPerSecond.median.toFixed(0),
            at === 0 ? '' : formatSpread(one.ratio),
            formatUs(one.cpuUsPerRequest.median),
            at === 0 ? '' : formatSpread(one.cpuRatio),
            formatUs(one.p50Us.median),
            formatUs(one.p99Us.median),
            `${(one.rssBytes / 2 ** 20).toFixed(0)} MiB`,
            String(one.errors),
          ],
        ],
  )
  const head = ['', 'requests/s', 'pinyon : it', 'CPU/request', 'pinyon : it', 'p50', 'p99', 'RSS', 'errors']
  return formatTable([head, ...rows])
}

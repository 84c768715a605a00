/**
 * How many files a second a server takes in that has none of them, when a farm's first jobs ask for all that a new snapshot has: each file once,
 * over 16 connections, from an upstream next door that is in nobody's way. Pinyon and `bare node, storing` (on request: `--peers storing`) hold each
 * against its digest before the client has its end, and have it on the disk before they count on it; the others do neither.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { writeSyntheticRepository } from '../../test/support/synthetic-repository.ts'
import { toFigures, type Figure, type Samples } from '../measure/figure.ts'
import { readCpuSeconds } from '../measure/process-figures.ts'
import { chooseRounds, type Scenario } from '../measure/scenario.ts'
import { getEachOnce } from '../measure/wrk-once.ts'
import { startNginxPeer } from '../peers/nginx.ts'
import type { Peer } from '../peers/peer.ts'
import { CACHES, choosePeers, PROXIES, startPeers, stopPeers } from '../peers/start-peers.ts'
import { LOAD_CORE, SERVER_CORE } from '../peers/start-server.ts'

const CONNECTIONS = 16

/** Files of a round of each server, and before the first one, so that what is compiled while it runs is. */
const CASES = [
  { size: '64 KB', content: 64 << 10, files: 500, warmUps: 300 },
  { size: '1 MB', content: 1 << 20, files: 60, warmUps: 20 },
]

/** After the last answer a server may still have to put on the disk what it has: that is its work as well, in milliseconds. */
const SETTLE_MS = 100

interface Round {
  readonly filesPerSecond: number
  readonly cpuMs: number
}

interface Load {
  /** Of every round, those of the one before the first included. */
  readonly slices: readonly (readonly string[])[]
  readonly dir: string
  /** How often upstream was asked so far. */
  readonly countAsked: () => number
}

/** Runs it. */
export const runFillRate: Scenario = async ({ dir, options, say }) => {
  const rounds = chooseRounds(options, 3, 1)
  const usual = options.isQuick ? CACHES.slice(0, 2) : CACHES
  const names = choosePeers(usual, options.peers, { known: [...CACHES, ...PROXIES] })
  const root = join(dir, 'repository')
  const cases = CASES.map(({ files, warmUps, ...one }) => {
    const counts = [warmUps, ...Array.from({ length: rounds }, () => files)]
    return { ...one, slices: counts.map((count, round) => nameFiles(one.size, round, count)) }
  })
  const packages = cases.flatMap(({ content, slices }) => slices.flat().map((name) => ({ name, content })))
  const written = writeSyntheticRepository(root, { packages }).packages
  const hrefs = new Map(written.map(({ href }, at) => [packages[at]?.name, `/${href}`]))
  const own = join(dir, 'upstream')
  const common = { root, upstream: 'http://127.0.0.1:1', core: LOAD_CORE }
  const upstream = await startNginxPeer('upstream', { ...common, dir: own })
  const countAsked = () => readFileSync(join(own, 'sent'), 'utf8').split('\n').length
  const peers: Peer[] = []
  try {
    peers.push(...(await startPeers(names, dir, { root, upstream: upstream.url, core: SERVER_CORE })))
    const figures: Figure[] = []
    for (const { size, slices } of cases) {
      say(size)
      const paths = slices.map((slice) => slice.map((name) => hrefs.get(name) ?? ''))
      const samples = await measure(peers, { slices: paths, dir, countAsked })
      figures.push(...describe(`${size}, ${CONNECTIONS} connections`, samples))
    }
    return { figures, curves: [], notes: [] }
  } finally {
    await stopPeers([...peers, upstream])
  }
}

function nameFiles(size: string, round: number, count: number): readonly string[] {
  const of = size.toLowerCase().replace(' ', '')
  return Array.from({ length: count }, (_, number) => `of-${of}-${round}-${number}`)
}

/** Has each server fetch each slice, in turn. */
async function measure(
  peers: readonly Peer[],
  { slices, dir, countAsked }: Load,
): Promise<Record<string, Round[]>> {
  const samples: Record<string, Round[]> = {}
  for (const [round, slice] of slices.entries())
    for (let turn = 0; turn < peers.length; turn += 1) {
      const peer = peers[(round + turn) % peers.length]
      if (peer === undefined) continue
      const [cpuSeconds, asked] = [readCpuSeconds(peer.pid), countAsked()]
      const paths = slice.map((href) => `${peer.base}${href}`)
      const seconds = await getEachOnce({
        url: peer.url,
        paths,
        connections: CONNECTIONS,
        dir,
        core: LOAD_CORE,
      })
      await sleep(SETTLE_MS)
      if (countAsked() - asked < slice.length)
        throw new Error(
          `${peer.name} asked upstream for less than it was asked for: ${countAsked() - asked} of ${slice.length}`,
        )
      const cpuMs = ((readCpuSeconds(peer.pid) - cpuSeconds) * 1_000) / slice.length
      if (round > 0) (samples[peer.name] ??= []).push({ filesPerSecond: slice.length / seconds, cpuMs })
    }
  return samples
}

function describe(name: string, rounds: Readonly<Record<string, readonly Round[]>>): Figure[] {
  const samples = (pick: (round: Round) => number): Samples =>
    Object.fromEntries(Object.entries(rounds).map(([of, own]) => [of, own.map(pick)]))
  const common = { scenario: 'fill-rate', name, allowance: 0.25 } as const
  return [
    ...toFigures(
      { ...common, measure: 'files/s', unit: 'requests/s', better: 'more' },
      samples(({ filesPerSecond }) => filesPerSecond),
    ),
    ...toFigures(
      { ...common, measure: 'CPU', unit: 'ms', better: 'less' },
      samples(({ cpuMs }) => cpuMs),
    ),
  ]
}

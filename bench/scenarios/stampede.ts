/**
 * Many clients ask at once for one cold package: how often upstream is asked, whether all get the right bytes, and how long until the last
 * one has them. Upstream is 20 ms away and sends it in half a second, so that it is cold for everybody.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { writeSyntheticRepository } from '../../test/support/synthetic-repository.ts'
import { OURS, toFigures, type Figure, type Samples } from '../measure/figure.ts'
import { getsExactly } from '../measure/raw-get.ts'
import { chooseRounds, type Scenario } from '../measure/scenario.ts'
import { startSlowUpstream } from '../measure/slow-upstream.ts'
import type { Peer } from '../peers/peer.ts'
import { CACHES, choosePeers, startPeers, stopPeers } from '../peers/start-peers.ts'

const LATENCY_MS = 20
const TRANSFER_SECONDS = 0.5

interface Stampede {
  readonly seconds: number
  readonly upstreamRequests: number
  /** Clients that got all of it, and right. */
  readonly served: number
}

/** Runs it. */
export const runStampede: Scenario = async ({ dir, options, say }) => {
  const { clients, mebibytes } = options.isQuick
    ? { clients: 50, mebibytes: 2 }
    : { clients: 200, mebibytes: 20 }
  const rounds = chooseRounds(options, 1, 1)
  const root = join(dir, 'repository')
  const files = Array.from({ length: rounds }, (_, round) => `stampede-${round}`)
  const content = mebibytes << 20
  const { packages } = writeSyntheticRepository(root, { packages: files.map((name) => ({ name, content })) })
  const port = { latencyMs: LATENCY_MS, keepsAlive: true, bytesPerSecond: content / TRANSFER_SECONDS }
  const upstream = await startSlowUpstream(root, [port])
  const names = choosePeers(options.isQuick ? CACHES.slice(0, 2) : CACHES, options.peers)
  const results: Record<string, Stampede[]> = {}
  const peers: Peer[] = []
  try {
    const place = { root, upstream: upstream.urls[0] ?? '', core: undefined }
    peers.push(...(await startPeers(names, dir, place)))
    for (const [round, { href, path }] of packages.entries())
      for (const peer of peers) {
        say(`${peer.name}, round ${round + 1}`)
        const before = (await upstream.counts())[`/${href}`]?.requests ?? 0
        const one = await stampede(`${peer.url}${peer.base}/${href}`, clients, readFileSync(path))
        const after = (await upstream.counts())[`/${href}`]?.requests ?? 0
        ;(results[peer.name] ??= []).push({ ...one, upstreamRequests: after - before })
      }
  } finally {
    await stopPeers(peers)
    await upstream.stop()
  }
  return { figures: describe(`${clients} clients, ${mebibytes} MB`, clients, results), curves: [], notes: [] }
}

async function stampede(
  url: string,
  clients: number,
  expected: Buffer,
): Promise<Omit<Stampede, 'upstreamRequests'>> {
  const startedAt = performance.now()
  const answers = await Promise.all(Array.from({ length: clients }, () => getsExactly(url, expected)))
  const seconds = (performance.now() - startedAt) / 1_000
  return { seconds, served: answers.filter(Boolean).length }
}

function describe(name: string, clients: number, results: Readonly<Record<string, Stampede[]>>): Figure[] {
  const samples = (pick: (one: Stampede) => number): Samples =>
    Object.fromEntries(Object.entries(results).map(([of, own]) => [of, own.map(pick)]))
  const common = { scenario: 'stampede', name } as const
  const time = {
    ...common,
    measure: 'until all have it',
    unit: 's',
    better: 'less',
    allowance: 0.25,
  } as const
  const counts = { ...common, unit: 'count', hasRatio: false } as const
  const requests = {
    ...counts,
    measure: 'upstream requests',
    better: 'less',
    targets: { [OURS]: 1 },
  } as const
  const served = { ...counts, measure: 'served right', better: 'more', targets: { [OURS]: clients } } as const
  return [
    ...toFigures(
      time,
      samples((one) => one.seconds),
    ),
    ...toFigures(
      requests,
      samples((one) => one.upstreamRequests),
    ),
    ...toFigures(
      served,
      samples((one) => one.served),
    ),
  ]
}

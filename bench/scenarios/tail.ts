/**
 * The slowest hundredth of hits, beside nginx's, when both have run for a while: many rounds of pairs, as one neighbour's p99 says little, and a
 * server that has just started compiles on the core that it is measured on.
 */
import { join } from 'node:path'

import { OURS, type Figure } from '../measure/figure.ts'
import { createHitCases } from '../measure/hit-cases.ts'
import { writeHotRepository } from '../measure/hot-repository.ts'
import { measureLoad } from '../measure/rounds.ts'
import { chooseRounds, type Scenario } from '../measure/scenario.ts'
import { startNginxPeer } from '../peers/nginx.ts'
import type { Peer } from '../peers/peer.ts'
import { choosePeers, startPeers, stopPeers } from '../peers/start-peers.ts'

const SERVER_CORE = 0
const LOAD_CORE = 1
/** Whatever else the machine does, it does in each. */
const SECONDS = 1.5
const WARM_UP_SECONDS = 4
const RIVAL = 'nginx proxy_cache'
const CASES = ['2 KB, 16 connections', '64 KB, 16 connections']

/** Runs it. */
export const runTail: Scenario = async ({ dir, options, say }) => {
  const root = join(dir, 'repository')
  const repository = writeHotRepository(root, options.seed)
  const place = { root, core: undefined, upstream: 'http://127.0.0.1:1' }
  const upstream = await startNginxPeer('static', { ...place, dir: join(dir, 'upstream') })
  let peers: Peer[] = []
  try {
    const served = { root, upstream: upstream.url, core: SERVER_CORE }
    peers = await startPeers(choosePeers([OURS, RIVAL], options.peers), dir, served)
    const rounds = { rounds: chooseRounds(options, 9, 5), seconds: SECONDS, core: LOAD_CORE }
    const figures: Figure[] = []
    for (const one of await createHitCases(peers, { repository, dir, options })) {
      if (!CASES.includes(one.name)) continue
      say(one.name)
      await one.warm()
      const all = await measureLoad('tail', one, peers, { ...rounds, warmUpSeconds: WARM_UP_SECONDS })
      figures.push(...all.filter(({ measure }) => measure === 'p99').map(withTarget))
    }
    return { figures, curves: [], notes: [] }
  } finally {
    await stopPeers([...peers, upstream])
  }
}

function withTarget(figure: Figure): Figure {
  return figure.of === RIVAL ? { ...figure, target: 1 } : figure
}

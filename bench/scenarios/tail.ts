/**
 * The slowest hundredth of hits beside nginx's at the same rate: each of 16 connections waits for some time before it asks again, a millisecond on
 * average. At the rate that each can reach, which is another one for each, p99 tells how long what else the machine does keeps it waiting.
 */
import { join } from 'node:path'

import { needs } from '../../test/support/tools.ts'
import { OURS, type Figure } from '../measure/figure.ts'
import { createHitCases } from '../measure/hit-cases.ts'
import { writeHotRepository } from '../measure/hot-repository.ts'
import { compilePacedLoad } from '../measure/paced-load.ts'
import { measureLoad } from '../measure/rounds.ts'
import { chooseRounds, type Scenario } from '../measure/scenario.ts'
import { startNginxPeer } from '../peers/nginx.ts'
import type { Peer } from '../peers/peer.ts'
import { choosePeers, startPeers, stopPeers } from '../peers/start-peers.ts'
import { LOAD_CORE, SERVER_CORE } from '../peers/start-server.ts'

const SECONDS = 0.6
/** At the rate that each can reach, and again at this one: node compiles for a second or two, most of it in the first case. */
const WARM_UP_SECONDS = [2, 1]
const PAUSE_US = 1_000
/** Between processes it differs by nearly as much. */
const ALLOWANCE = 0.5
const RIVAL = 'nginx proxy_cache'
/** What tells how much of it is Node's, where bytes are many. */
const LEAST = 'bare node'
const LEAST_TAKES_PART = '64 KB'
const CASES = ['2 KB, 16 connections', '64 KB, 16 connections']

/** Runs it. */
export const runTail: Scenario = async ({ dir, options, say }) => {
  const { skip } = needs('cc')
  if (skip !== false) return { figures: [], curves: [], notes: [`tail was left out: it ${skip}`] }
  const root = join(dir, 'repository')
  const repository = writeHotRepository(root, options.seed)
  const place = { root, core: undefined, upstream: 'http://127.0.0.1:1' }
  const upstream = await startNginxPeer('static', { ...place, dir: join(dir, 'upstream') })
  let peers: Peer[] = []
  try {
    const served = { root, upstream: upstream.url, core: SERVER_CORE }
    peers = await startPeers(choosePeers([OURS, RIVAL, LEAST], options.peers), dir, served)
    const rounds = {
      rounds: chooseRounds(options, 6, 4),
      seconds: SECONDS,
      core: LOAD_CORE,
    }
    const load = await compilePacedLoad(dir, { pauseUs: PAUSE_US, seed: options.seed })
    const figures: Figure[] = []
    const cases = await createHitCases(peers, { repository, dir, options })
    for (const [at, one] of cases.filter(({ name }) => CASES.includes(name)).entries()) {
      say(one.name)
      await one.warm()
      const warmUpSeconds = WARM_UP_SECONDS[at]
      await measureLoad('tail', one, peers, { ...rounds, rounds: 0, warmUpSeconds })
      const paced = { ...one, name: `${one.name}, at the same rate` }
      const taking = peers.filter(({ name }) => name !== LEAST || one.name.startsWith(LEAST_TAKES_PART))
      const all = await measureLoad('tail', paced, taking, { ...rounds, load, warmUpSeconds })
      figures.push(...all.filter(({ measure }) => measure === 'p99').map(withTarget))
    }
    return { figures, curves: [], notes: [] }
  } finally {
    await stopPeers([...peers, upstream])
  }
}

function withTarget(figure: Figure): Figure {
  const common = { ...figure, allowance: ALLOWANCE }
  return figure.of === RIVAL ? { ...common, target: 1 } : common
}

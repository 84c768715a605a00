/** What a hit costs: one worker on one core each, everything in memory or in the page cache, wrk on another core. */
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'

import { OURS, type Figure } from '../measure/figure.ts'
import { createHitCases } from '../measure/hit-cases.ts'
import { measureLoad } from '../measure/rounds.ts'
import { chooseRounds, type Scenario } from '../measure/scenario.ts'
import { startNginxPeer } from '../peers/nginx.ts'
import type { Peer } from '../peers/peer.ts'
import { CACHES, choosePeers, startPeers, stopPeers } from '../peers/start-peers.ts'
import { LOAD_CORE, SERVER_CORE } from '../peers/start-server.ts'
import { writeHotRepository } from '../measure/hot-repository.ts'

/** Of a case that has something to reach, most of them with the server that it is to be reached against, and of another. */
const AIMED = { rounds: 6, seconds: 0.3, othersEvery: 2 }
const OTHER = { rounds: 3, seconds: 0.2 }
/** What runs in node is loaded for so long first: it compiles for a second or two, on the core that it is measured on. */
const FIRST_SECONDS = 2

/** Runs it. */
export const runHot: Scenario = async ({ dir, options, say }) => {
  const root = join(dir, 'repository')
  const repository = writeHotRepository(root, options.seed)
  const usual = options.isQuick ? [OURS, 'nginx proxy_cache'] : [...CACHES, 'nginx static']
  const place = { root, core: undefined, upstream: 'http://127.0.0.1:1' }
  const upstream = await startNginxPeer('static', { ...place, dir: join(dir, 'upstream') })
  let peers: Peer[] = []
  try {
    const served = { root, upstream: upstream.url, core: SERVER_CORE }
    peers = await startPeers(choosePeers(usual, options.peers), dir, served)
    await copyIndex(peers, root)
    const figures: Figure[] = []
    const cases = await createHitCases(peers, { repository, dir, options })
    const compiling = { rounds: 0, seconds: 0, core: LOAD_CORE, warmUpSeconds: FIRST_SECONDS }
    for (const one of cases.slice(0, 1)) {
      await one.warm()
      await measureLoad('hot', one, peers.filter(isNode), compiling)
    }
    for (const one of cases) {
      say(one.name)
      await one.warm()
      const rounds = one.targets === undefined ? OTHER : AIMED
      figures.push(
        ...(await measureLoad('hot', one, peers, {
          ...rounds,
          rounds: chooseRounds(options, rounds.rounds, OTHER.rounds),
          core: LOAD_CORE,
        })),
      )
    }
    return { figures, curves: [], notes: [] }
  } finally {
    await stopPeers([...peers, upstream])
  }
}

function isNode({ name }: Peer): boolean {
  return name.startsWith(OURS) || name.startsWith('bare node')
}

/** What pinyon makes of its state, the others have as a file. */
async function copyIndex(peers: readonly Peer[], root: string): Promise<void> {
  const ours = peers.find(({ name }) => name === OURS)
  if (ours === undefined) return
  const index = await (await fetch(`${ours.url}/repos/yum/all_latest.json`)).text()
  writeFileSync(join(root, 'all_latest.json'), index)
}

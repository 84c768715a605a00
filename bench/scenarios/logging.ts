/**
 * What the log at `info` costs: pinyon that writes it beside one that does not, a core each in turn, for what the fast path answers and for
 * what node:http does.
 */
import { join } from 'node:path'

import { OURS, type Figure } from '../measure/figure.ts'
import { createHitCases } from '../measure/hit-cases.ts'
import { writeHotRepository } from '../measure/hot-repository.ts'
import { measureLoad } from '../measure/rounds.ts'
import { chooseRounds, type Scenario } from '../measure/scenario.ts'
import { startNginxPeer } from '../peers/nginx.ts'
import type { Peer } from '../peers/peer.ts'
import { startPinyonPeer } from '../peers/pinyon.ts'
import { stopPeers } from '../peers/start-peers.ts'
import { LOAD_CORE, SERVER_CORE } from '../peers/start-server.ts'

/** Of each second the first 500 hits have lines: in a part of one they would cost more than they do. */
const SECONDS = 1

/** Before the first case: node compiles for a second or two, and more where lines are written. */
const FIRST_SECONDS = 1

const SILENT = 'pinyon, silent'
/** Requests/s with the log to those without. */
const LEAST_SHARE = 0.95

/**
 * Several of each: what V8 makes of the same program is now and then a seventh slower in one process than in another, as long as it runs; and
 * most often in the first that is started.
 */
const PROCESSES = ['one', 'another', 'a third']
const LEVELS = [
  [OURS, 'info'],
  [SILENT, 'silent'],
] as const

const CASES = ['2 KB, 16 connections', 'range of 64 KB in 1 MB, 16 connections', '304, 16 connections']

/** Runs it. */
export const runLogging: Scenario = async ({ dir, options, say }) => {
  const root = join(dir, 'repository')
  const repository = writeHotRepository(root, options.seed)
  const place = { dir: join(dir, 'upstream'), root, core: undefined, upstream: 'http://127.0.0.1:1' }
  const upstream = await startNginxPeer('static', place)
  const started: Peer[] = [upstream]
  try {
    const common = { core: SERVER_CORE, mirrors: { bench: `${upstream.url}/` } }
    const peers: Peer[] = []
    for (const [at, which] of PROCESSES.entries())
      for (const [as, logLevel] of at % 2 === 0 ? LEVELS : LEVELS.toReversed()) {
        const name = `${as}, ${which}`
        const peer = await startPinyonPeer({ ...common, name, dir: join(dir, name), logLevel })
        started.push(peer)
        peers.push({ ...peer, as })
      }
    const rounds = { rounds: chooseRounds(options, 2, 1), seconds: SECONDS, core: LOAD_CORE }
    const figures: Figure[] = []
    let warmUpSeconds: number | undefined = FIRST_SECONDS
    for (const one of await createHitCases(peers, { repository, dir, options })) {
      if (!CASES.includes(one.name)) continue
      say(one.name)
      await one.warm()
      const wanted = { ...one, targets: { [SILENT]: LEAST_SHARE } }
      figures.push(...(await measureLoad('logging', wanted, peers, { ...rounds, warmUpSeconds })))
      warmUpSeconds = undefined
    }
    return { figures, curves: [], notes: [] }
  } finally {
    await stopPeers(started)
  }
}

/**
 * What the first one waits who asks for a package: to the first byte of the body, and to the last, against asking upstream itself. Upstream is
 * near, 20 ms or 100 ms away, and its connections last or are opened anew for each file. Beside it is the least that Node needs to find a
 * package, claim it, pass on what comes and store it under its digest; `--peers bare,proxy` has what does only some of that as well.
 */
import { Agent } from 'node:http'
import { join } from 'node:path'

import { writeSyntheticRepository, type WrittenPackage } from '../../test/support/synthetic-repository.ts'
import { OURS, toFigures, type Figure } from '../measure/figure.ts'
import { mustGet, type Answer, type Expected } from '../measure/http-get.ts'
import { chooseRounds, type Scenario } from '../measure/scenario.ts'
import { startSlowUpstream, type SlowPort } from '../measure/slow-upstream.ts'
import { baseOf, startPinyonPeer } from '../peers/pinyon.ts'
import { choosePeers, COLD_PEERS, PROXIES, startPeers, stopPeers } from '../peers/start-peers.ts'

const LATENCIES_MS = [0, 20, 100]
const SIZE_BYTES = 1 << 20
/** Asked for first at each port, so that connections that last are open. */
const WARM_UPS = 2
/** And at the first port, so that what is compiled while it runs is, as it is at a server of some hours: the first of them are small. */
const FIRST_WARM_UPS = 1_040
const SMALL_WARM_UPS = 1_000
const SMALL_BYTES = 64 << 10
/** What is started anew for each port is asked for the last so many of those, over so many connections, each of which waits for upstream. */
const MISSED_WARM_UPS = 440
const WARM_UP_SOCKETS = 16
/** Of upstream's own and beside it, in milliseconds. */
const FIRST_BYTE = { part: 1.05, ms: 5 }
const TOTAL_PART = 1.05
const RIVAL = 'nginx proxy_cache'
/** What tells how much of it is Node's, unless upstream is so far away that nearly all of it is waiting. */
const LEAST = 'bare node, promising'
const FAR_MS = 100

interface Way {
  readonly name: string
  /** What stands before a package's path. */
  readonly base: string
}

/** Runs it. */
export const runCold: Scenario = async ({ dir, options, say }) => {
  const rounds = chooseRounds(options, 10, 10)
  const root = join(dir, 'repository')
  const ports = LATENCIES_MS.flatMap((latencyMs) =>
    [true, false].map((keepsAlive) => ({ latencyMs, keepsAlive })),
  )
  const repositories = ports.map((_, at) =>
    writeRepository(join(root, String(at)), at, rounds + warmUpsOf(at)),
  )
  const upstream = await startSlowUpstream(root, ports)
  const started: { stop(): Promise<void> }[] = [upstream]
  try {
    const mirrors = Object.fromEntries(upstream.urls.map((url, at) => [`cold-${at}`, `${url}/${at}/`]))
    const pinyon = await startPinyonPeer({ name: OURS, dir: join(dir, 'pinyon'), mirrors })
    started.push(pinyon)
    const bases = await Promise.all(Object.keys(mirrors).map((mirror) => baseOf(pinyon.url, mirror)))
    const figures: Figure[] = []
    for (const [at, port] of ports.entries()) {
      say(describePort(port))
      const url = upstream.urls[at] ?? ''
      const place = { root, upstream: url, core: undefined }
      const usual = port.latencyMs < FAR_MS ? [RIVAL, LEAST] : [RIVAL]
      const others = choosePeers(usual, options.peers, { known: COLD_PEERS }).filter((name) => name !== OURS)
      const peers = await startPeers(others, join(dir, String(at)), place)
      try {
        const first = repositories[0]?.slice(0, FIRST_WARM_UPS) ?? []
        const missed = at === 0 ? [] : first.slice(-MISSED_WARM_UPS)
        for (const { name, url } of peers) if (PROXIES.includes(name)) await warmUp(`${url}/0`, missed)
        const ways: Way[] = [
          { name: 'direct', base: `${url}/${at}` },
          { name: OURS, base: `${pinyon.url}${bases[at]}` },
          ...peers.map((peer) => ({ name: peer.name, base: `${peer.url}/${at}` })),
        ]
        figures.push(...(await measurePort(port, ways, repositories[at] ?? [], warmUpsOf(at))))
      } finally {
        await stopPeers(peers)
      }
    }
    return { figures, curves: [], notes: [] }
  } finally {
    for (const one of started.toReversed()) await one.stop()
  }
}

/** Packages of no other repository: what pinyon has under its digest is cold for nobody. */
function writeRepository(root: string, at: number, count: number): readonly WrittenPackage[] {
  const packages = Array.from({ length: count }, (_, number) => ({
    name: `cold-${at}-${number}`,
    content: at === 0 && number < SMALL_WARM_UPS ? SMALL_BYTES : SIZE_BYTES,
  }))
  return writeSyntheticRepository(root, { packages }).packages
}

function warmUpsOf(port: number): number {
  return port === 0 ? FIRST_WARM_UPS : WARM_UPS
}

/** What is started for each port has not run at the first one. All of upstream's ports serve the same. */
async function warmUp(base: string, packages: readonly WrittenPackage[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: WARM_UP_SOCKETS })
  await Promise.all(packages.map((one) => mustGet(`${base}/${one.href}`, expectedOf(one), { agent })))
  agent.destroy()
}

function expectedOf({ checksum }: WrittenPackage): Expected {
  return { status: 200, sha256: checksum.slice('sha256:'.length) }
}

async function measurePort(
  port: SlowPort,
  ways: readonly Way[],
  packages: readonly WrittenPackage[],
  warmUps: number,
): Promise<Figure[]> {
  const agents = new Map(
    ways.map(({ name }) => [name, new Agent({ keepAlive: port.keepsAlive, maxSockets: 1 })]),
  )
  const answers: Record<string, Answer[]> = Object.fromEntries(ways.map(({ name }) => [name, []]))
  for (const [round, one] of packages.entries())
    for (let turn = 0; turn < ways.length; turn += 1) {
      const way = ways[(round + turn) % ways.length]
      const agent = agents.get(way?.name ?? '')
      if (way === undefined || agent === undefined) continue
      const answer = await mustGet(`${way.base}/${one.href}`, expectedOf(one), { agent })
      const outcome = answer.headers['x-cache']
      if (way.name === OURS && outcome !== 'fill')
        throw new Error(`a cold package was answered as ${String(outcome)}: ${one.href}`)
      if (round >= warmUps) answers[way.name]?.push(answer)
    }
  for (const agent of agents.values()) agent.destroy()
  const samples = (pick: (answer: Answer) => number) =>
    Object.fromEntries(Object.entries(answers).map(([name, own]) => [name, own.map(pick)]))
  const direct = (answers['direct'] ?? []).map(({ firstByteMs }) => firstByteMs).toSorted((a, b) => a - b)
  const directMs = direct[direct.length >> 1] ?? 0
  const common = {
    scenario: 'cold',
    name: describePort(port),
    unit: 'ms',
    better: 'less',
    allowance: 0.25,
  } as const
  // The milliseconds are a part of what upstream takes.
  const firstByte = Number((FIRST_BYTE.part + FIRST_BYTE.ms / directMs).toFixed(2))
  return [
    ...toFigures(
      { ...common, measure: 'first byte', targets: { direct: firstByte } },
      samples((answer) => answer.firstByteMs),
    ),
    ...toFigures(
      { ...common, measure: 'all of 1 MB', targets: { direct: TOTAL_PART } },
      samples((answer) => answer.totalMs),
    ),
  ]
}

function describePort({ latencyMs, keepsAlive }: SlowPort): string {
  return `upstream ${latencyMs} ms away, ${keepsAlive ? 'connections kept' : 'new connections'}`
}

import type { Peer } from '../peers/peer.ts'
import { readCpuSeconds, readRssBytes } from './process-figures.ts'
import { spreadOf, type Spread } from './statistics.ts'
import { runWrk } from './wrk.ts'

/** What every peer is asked in one scenario. */
export interface Scenario {
  readonly name: string
  readonly connections: number
  /** What is asked of each peer, in the order of the peers; undefined for one that cannot answer it. */
  readonly requests: readonly (ScenarioRequest | undefined)[]
}

/** A request of a scenario, as one peer gets it. */
export interface ScenarioRequest {
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
}

/** What one peer made of a scenario, over all rounds. */
export interface PeerFigures {
  readonly requestsPerSecond: Spread
  /** Of the first peer's, round by round: its requests/s divided by this one's. */
  readonly ratio: Spread
  readonly cpuUsPerRequest: Spread
  /** The first peer's divided by this one's: above 1 where this one needs less. */
  readonly cpuRatio: Spread
  readonly p50Us: Spread
  readonly p99Us: Spread
  readonly rssBytes: number
  readonly errors: number
}

interface Sample {
  readonly requestsPerSecond: number
  readonly cpuUsPerRequest: number
  readonly p50Us: number
  readonly p99Us: number
  readonly rssBytes: number
  readonly errors: number
}

/** How long it is measured. */
export interface Rounds {
  readonly rounds: number
  /** Of one peer in one round. */
  readonly seconds: number
}

/**
 * Loads the peers in turn, many short rounds of all of them, each round beginning with another one: what else runs on the machine meets all
 * of them alike, and ratios are those of neighbours.
 */
export async function measureScenario(
  peers: readonly Peer[],
  scenario: Scenario,
  { rounds, seconds }: Rounds,
): Promise<(PeerFigures | undefined)[]> {
  const samples = peers.map((): Sample[] => [])
  for (let round = 0; round < rounds; round += 1)
    for (let turn = 0; turn < peers.length; turn += 1) {
      const at = (round + turn) % peers.length
      const [peer, request] = [peers[at], scenario.requests[at]]
      if (peer === undefined || request === undefined) continue
      samples[at]?.push(await measurePeer(peer, request, scenario.connections, seconds))
    }
  const [first = []] = samples
  return samples.map((own) => (own.length === 0 ? undefined : toFigures(first, own)))
}

async function measurePeer(
  { url, pid }: Peer,
  { path, headers = {} }: ScenarioRequest,
  connections: number,
  seconds: number,
): Promise<Sample> {
  const before = readCpuSeconds(pid)
  const result = await runWrk({ url: `${url}${path}`, connections, seconds, headers })
  const cpuSeconds = readCpuSeconds(pid) - before
  return {
    requestsPerSecond: result.requests / result.seconds,
    cpuUsPerRequest: (cpuSeconds * 1e6) / Math.max(1, result.requests),
    p50Us: result.p50Us,
    p99Us: result.p99Us,
    rssBytes: readRssBytes(pid),
    errors: result.errors,
  }
}

function toFigures(first: readonly Sample[], own: readonly Sample[]): PeerFigures {
  const ratios = (read: (sample: Sample) => number) =>
    spreadOf(
      own.flatMap((sample, round) => {
        const other = first[round]
        return other === undefined ? [] : [read(other) / read(sample)]
      }),
    )
  const spread = (read: (sample: Sample) => number) => spreadOf(own.map(read))
  return {
    requestsPerSecond: spread((sample) => sample.requestsPerSecond),
    ratio: ratios((sample) => sample.requestsPerSecond),
    cpuUsPerRequest: spread((sample) => sample.cpuUsPerRequest),
    cpuRatio: ratios((sample) => sample.cpuUsPerRequest),
    p50Us: spread((sample) => sample.p50Us),
    p99Us: spread((sample) => sample.p99Us),
    rssBytes: own.at(-1)?.rssBytes ?? 0,
    errors: own.reduce((sum, { errors }) => sum + errors, 0),
  }
}

import type { Peer } from '../peers/peer.ts'
import { OURS, toFigures, type Figure, type Samples } from './figure.ts'
import { readCpuSeconds, readRssBytes } from './process-figures.ts'
import { runWrk, type WrkRequest, type WrkResult } from './wrk.ts'

/** What peers are asked in one case. */
export interface LoadCase {
  readonly name: string
  readonly connections: number
  /** What each peer is asked, by its name; those that are not here take no part. */
  readonly requests: Readonly<Record<string, LoadRequest>>
  /** Of an answer, head and body: where one takes so long that few end in a round, bytes are counted instead of answers. */
  readonly answerBytes?: number
  /** How many times as long as others it is measured, where much is on its way at the end. */
  readonly lasts?: number
  /** By peer: what the ratio of requests/s is to reach. */
  readonly targets?: Readonly<Record<string, number>>
}

/** A request, as one peer gets it. */
export type LoadRequest = Pick<WrkRequest, 'headers' | 'mix'> & { readonly path: string }

/** How long it is measured. */
export interface Rounds {
  readonly rounds: number
  /** In which of them those take part that nothing is to be reached against: in each so-manieth, in all unless told. */
  readonly othersEvery?: number
  /** Of one peer in one round. */
  readonly seconds: number
  /** The one core that the load comes from. */
  readonly core: number | undefined
  /** Before the rounds, of each peer, and not counted: what is compiled while it runs is compiled then. */
  readonly warmUpSeconds?: number | undefined
  /** What asks; wrk unless told. */
  readonly load?: (request: WrkRequest) => Promise<WrkResult>
}

interface Sample {
  readonly requestsPerSecond: number
  readonly cpuUs: number
  readonly p50Us: number | undefined
  readonly p99Us: number | undefined
  readonly rssBytes: number
}

/** Of a peer that has answered others' cases. */
const WARM_UP_SECONDS = 0.2

/** Ratios of what depends on a few requests say less; of the slowest hundredth, at the rate that each can reach, nothing in another run. */
const TAIL_ALLOWANCE = 1

/** Of as many answers there is a hundredth. */
const ENOUGH_FOR_P99 = 100

/**
 * Loads peers in turn, many short rounds of all of them, each round beginning with another one: what else runs on the machine meets all
 * of them alike, and ratios are those of neighbours. Samples of peers that are {@link Peer.as} the same one are that one's.
 * @throws Error when a peer answered an error, or broke off
 */
export async function measureLoad(
  scenario: string,
  { name, ...loadCase }: LoadCase,
  peers: readonly Peer[],
  rounds: Rounds,
): Promise<Figure[]> {
  const taking = peers.filter((peer) => loadCase.requests[peer.name] !== undefined)
  for (const peer of taking)
    await measurePeer(
      peer,
      { name, ...loadCase },
      { ...rounds, seconds: rounds.warmUpSeconds ?? WARM_UP_SECONDS },
    )
  const samples = new Map(taking.map((peer) => [peer.as ?? peer.name, new Array<Sample | undefined>()]))
  const { targets = {} } = loadCase
  const isAimed = ({ name, as = name }: Peer) => as === OURS || targets[as] !== undefined
  const takesPart = (peer: Peer, round: number) => isAimed(peer) || round % (rounds.othersEvery ?? 1) === 0
  for (let round = 0; round < rounds.rounds; round += 1)
    for (let turn = 0; turn < taking.length; turn += 1) {
      const peer = taking[(round + turn) % taking.length]
      if (peer === undefined) continue
      const sample = takesPart(peer, round)
        ? await measurePeer(peer, { name, ...loadCase }, rounds)
        : undefined
      samples.get(peer.as ?? peer.name)?.push(sample)
    }
  const read = (pick: (sample: Sample) => number | undefined): Samples =>
    Object.fromEntries([...samples].map(([of, own]) => [of, own.map((sample) => sample && pick(sample))]))
  const common = { scenario, name, better: 'less' } as const
  const tail = { ...common, allowance: TAIL_ALLOWANCE }
  return [
    ...toFigures(
      { ...common, measure: 'requests/s', unit: 'requests/s', better: 'more', targets, allowance: 0.1 },
      read((sample) => sample.requestsPerSecond),
    ),
    ...toFigures(
      { ...common, measure: 'CPU', unit: 'µs', allowance: 0.1 },
      read((sample) => sample.cpuUs),
    ),
    ...toFigures(
      { ...tail, measure: 'p50', unit: 'µs' },
      read((sample) => sample.p50Us),
    ),
    ...toFigures(
      { ...common, measure: 'p99', unit: 'µs' },
      read((sample) => sample.p99Us),
    ),
    ...toFigures(
      { ...common, measure: 'RSS', unit: 'bytes' },
      read((sample) => sample.rssBytes),
    ),
  ]
}

async function measurePeer(
  peer: Peer,
  loadCase: LoadCase,
  { seconds, core, load = runWrk }: Rounds,
): Promise<Sample> {
  const { connections, answerBytes, requests, name, lasts = 1 } = loadCase
  const { path, ...rest } = requests[peer.name] ?? { path: '/' }
  const before = readCpuSeconds(peer.pid)
  const result = await load({
    ...rest,
    url: `${peer.url}${path}`,
    connections,
    seconds: seconds * lasts,
    core,
  })
  const cpuSeconds = readCpuSeconds(peer.pid) - before
  if (result.errors > 0) throw new Error(`${peer.name} failed ${result.errors} times in ${name}`)
  const answers = answerBytes === undefined ? result.requests : result.bytes / answerBytes
  return {
    requestsPerSecond: answers / result.seconds,
    cpuUs: (cpuSeconds * 1e6) / Math.max(1, answers),
    p50Us: result.requests < connections ? undefined : result.p50Us,
    p99Us: result.requests < Math.max(connections, ENOUGH_FOR_P99) ? undefined : result.p99Us,
    rssBytes: readRssBytes(peer.pid),
  }
}

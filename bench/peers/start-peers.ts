import { join } from 'node:path'

import { findTool } from '../../test/support/tools.ts'
import { OURS } from '../measure/figure.ts'
import {
  startBareNodePeer,
  startBarePassingPeer,
  startBarePromisingPeer,
  startBareStoringPeer,
} from './bare-node.ts'
import { startNginxPeer } from './nginx.ts'
import type { Peer, PeerOptions } from './peer.ts'
import { startPinyonPeer } from './pinyon.ts'
import { startSquidPeer } from './squid.ts'
import { startTrafficServerPeer } from './trafficserver.ts'
import { startVarnishPeer } from './varnish.ts'

/** Among what is chosen. */
interface ChoiceOptions {
  readonly known?: readonly string[]
  readonly isInstalled?: (command: string) => boolean
}

interface KnownPeer {
  readonly command: string
  readonly start: (options: PeerOptions) => Promise<Peer>
}

/** Every server that can be measured, pinyon first. From `pinyon, logging` on they are started only on request: pinyon in another way, and Node without it. */
const KNOWN: Readonly<Record<string, KnownPeer>> = {
  [OURS]: { command: 'node', start: (options) => startPinyon(OURS, options) },
  'nginx proxy_cache': { command: 'nginx', start: (options) => startNginxPeer('proxy_cache', options) },
  'nginx static': { command: 'nginx', start: (options) => startNginxPeer('static', options) },
  varnish: { command: 'varnishd', start: startVarnishPeer },
  squid: { command: 'squid', start: startSquidPeer },
  trafficserver: { command: 'traffic_server', start: startTrafficServerPeer },
  'pinyon, logging': {
    command: 'node',
    start: (options) => startPinyon('pinyon, logging', options, { logLevel: 'info' }),
  },
  'pinyon, no fast path': {
    command: 'node',
    start: (options) => startPinyon('pinyon, no fast path', options, { settings: { fast_path: false } }),
  },
  'bare node': { command: 'node', start: startBareNodePeer },
  'bare node, passing on': { command: 'node', start: startBarePassingPeer },
  'bare node, storing': { command: 'node', start: startBareStoringPeer },
  'bare node, promising': { command: 'node', start: startBarePromisingPeer },
}

/** What asks upstream every time: what Node needs at least for what it has not got. */
export const PROXIES: readonly string[] = [
  'bare node, passing on',
  'bare node, storing',
  'bare node, promising',
]

/** What can answer what it was asked for before. */
const SERVERS: readonly string[] = Object.keys(KNOWN).filter((name) => !PROXIES.includes(name))

/** What caches, pinyon and the most usual one first. */
export const CACHES: readonly string[] = [OURS, 'nginx proxy_cache', 'varnish', 'squid', 'trafficserver']

/** What can be asked for where every file is asked for once. */
export const COLD_PEERS: readonly string[] = [OURS, 'nginx proxy_cache', ...PROXIES]

/**
 * Which servers take part: the usual ones, or pinyon and those whose name contains one of `wanted`. What is not installed does not.
 * @param options.known which there are to choose from; all that answer hits unless told
 */
export function choosePeers(
  usual: readonly string[],
  wanted: readonly string[],
  { known = SERVERS, isInstalled = hasTool }: ChoiceOptions = {},
): string[] {
  const chosen = wanted.length === 0 ? usual : known.filter((name) => isWanted(name, wanted))
  return chosen.filter((name) => name === OURS || isInstalled(KNOWN[name]?.command ?? name))
}

/** Starts servers by their names, each in a directory of its own below `dir`. Those that have started are stopped when another one fails. */
export async function startPeers(
  names: readonly string[],
  dir: string,
  options: Omit<PeerOptions, 'dir'>,
): Promise<Peer[]> {
  const peers: Peer[] = []
  try {
    for (const name of names) {
      const known = KNOWN[name]
      if (known === undefined) throw new Error(`no server has that name: ${name}`)
      peers.push(await known.start({ ...options, dir: join(dir, name.replaceAll(/\W+/g, '-')) }))
    }
    return peers
  } catch (error) {
    await stopPeers(peers)
    throw error
  }
}

/** Ends all of them. */
export async function stopPeers(peers: readonly Peer[]): Promise<void> {
  await Promise.all(peers.map((peer) => peer.stop()))
}

function hasTool(command: string): boolean {
  return findTool(command) !== undefined
}

function isWanted(name: string, wanted: readonly string[]): boolean {
  return name === OURS || wanted.some((part) => name.includes(part))
}

function startPinyon(
  name: string,
  { dir, upstream, core }: PeerOptions,
  more: { logLevel?: string; settings?: Readonly<Record<string, unknown>> } = {},
): Promise<Peer> {
  return startPinyonPeer({ name, dir, core, mirrors: { bench: `${upstream}/` }, ...more })
}

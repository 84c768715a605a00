import { mkdirSync } from 'node:fs'

import { freePort } from '../../test/support/daemon.ts'
import type { Peer, PeerOptions } from './peer.ts'
import { startServer } from './start-server.ts'

const PROGRAM = new URL('bare-node/main.ts', import.meta.url).pathname
const PROXY = new URL('bare-node/proxy.ts', import.meta.url).pathname

/** Starts what answers with as little as Node can: what is between it and nginx is Node's, and what is between it and pinyon is ours. */
export function startBareNodePeer(options: PeerOptions): Promise<Peer> {
  return start('bare node', options, (port) => [PROGRAM, options.root, port])
}

/** Starts what passes on what upstream answers with as little as Node can. It keeps nothing. */
export function startBarePassingPeer(options: PeerOptions): Promise<Peer> {
  return start('bare node, passing on', options, (port) => [PROXY, portOf(options.upstream), port])
}

/** Starts what passes it on, hashes it before the client has the end, and has it in its directory, under its digest, later on. It never looks there. */
export function startBareStoringPeer(options: PeerOptions): Promise<Peer> {
  return start('bare node, storing', options, (port) => [PROXY, portOf(options.upstream), port, options.dir])
}

/**
 * Starts what stores it as well, and does before that, with as little as Node can, what pinyon has to: it finds the file in a database, claims it, and has
 * its first bytes in the file before the client has any.
 */
export function startBarePromisingPeer(options: PeerOptions): Promise<Peer> {
  const { dir, root, upstream } = options
  return start('bare node, promising', options, (port) => [PROXY, portOf(upstream), port, dir, root])
}

async function start(
  name: string,
  { dir, core }: PeerOptions,
  argsOf: (port: string) => readonly string[],
): Promise<Peer> {
  mkdirSync(dir, { recursive: true })
  const port = await freePort()
  const server = await startServer({ command: 'node', args: argsOf(String(port)), cwd: dir, port, core })
  return { name, url: `http://127.0.0.1:${port}`, base: '', ...server }
}

function portOf(url: string): string {
  return new URL(url).port
}

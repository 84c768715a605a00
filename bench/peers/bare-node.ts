import { mkdirSync } from 'node:fs'

import { freePort } from '../../test/support/daemon.ts'
import type { Peer, PeerOptions } from './peer.ts'
import { startServer } from './start-server.ts'

const PROGRAM = new URL('bare-node/main.ts', import.meta.url).pathname

/** Starts what answers with as little as Node can: what is between it and nginx is Node's, and what is between it and pinyon is ours. */
export async function startBareNodePeer({ dir, root, core }: PeerOptions): Promise<Peer> {
  mkdirSync(dir, { recursive: true })
  const port = await freePort()
  const args = [PROGRAM, root, String(port)]
  const server = await startServer({ command: 'node', args, cwd: dir, port, core })
  return { name: 'bare node', url: `http://127.0.0.1:${port}`, base: '', ...server }
}

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import { freePort, openToOthers } from '../../test/support/daemon.ts'
import type { Peer, PeerOptions } from './peer.ts'
import { startServer } from './start-server.ts'
import { renderConfiguration } from './template.ts'

/** Starts squid in one process, with its cache in memory. */
export async function startSquidPeer({ dir, upstream, core }: PeerOptions): Promise<Peer> {
  mkdirSync(dir, { recursive: true })
  // As root it becomes another user.
  if (process.getuid?.() === 0) openToOthers(dir, 0o777)
  const port = await freePort()
  const values = { DIR: dir, PORT: String(port), UPSTREAM_PORT: new URL(upstream).port }
  renderConfiguration('squid', dir, values)
  // Its name is that of shared memory, one a machine.
  const args = ['-N', '-n', `bench${port}`, '-f', join(dir, 'squid.conf')]
  const server = await startServer({ command: 'squid', args, cwd: dir, port, core })
  return { name: 'squid', url: `http://127.0.0.1:${port}`, base: '', ...server }
}

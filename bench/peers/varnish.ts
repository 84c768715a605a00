import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import { freePort } from '../../test/support/daemon.ts'
import type { Peer, PeerOptions } from './peer.ts'
import { startServer } from './start-server.ts'
import { renderConfiguration } from './template.ts'

/** Threads wait for work, none is started under load; as many as connections that are measured at most. */
const PARAMETERS = ['thread_pools=1', 'thread_pool_min=200', 'thread_pool_max=1000', 'listen_depth=1024']

/** Starts Varnish with its cache in memory. */
export async function startVarnishPeer({ dir, upstream, core }: PeerOptions): Promise<Peer> {
  mkdirSync(dir, { recursive: true })
  const port = await freePort()
  renderConfiguration('varnish', dir, { UPSTREAM_PORT: new URL(upstream).port })
  const args = [
    ['-F', '-n', join(dir, 'work'), '-f', join(dir, 'default.vcl'), '-a', `127.0.0.1:${port}`],
    // No management port, no jail, as it is no service here.
    ['-T', 'none', '-j', 'none', '-s', 'default=malloc,1g'],
    PARAMETERS.flatMap((parameter) => ['-p', parameter]),
  ].flat()
  const server = await startServer({ command: 'varnishd', args, cwd: dir, port, core })
  return { name: 'varnish', url: `http://127.0.0.1:${port}`, base: '', ...server }
}

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import { freePort } from '../../test/support/daemon.ts'
import type { Peer, PeerOptions } from './peer.ts'
import { startServer } from './start-server.ts'
import { renderConfiguration } from './template.ts'

/** Configurations below `bench/peers/nginx/`. */
export type NginxConfiguration = 'proxy_cache' | 'static' | 'upstream'

/** Starts nginx with one worker by one of its configurations. */
export async function startNginxPeer(configuration: NginxConfiguration, options: PeerOptions): Promise<Peer> {
  const { dir, root, upstream, core } = options
  mkdirSync(join(dir, 'tmp'), { recursive: true })
  const port = await freePort()
  const file = `${configuration}.conf`
  const values = {
    USER: process.getuid?.() === 0 ? 'user root;' : '',
    DIR: dir,
    ROOT: root,
    PORT: String(port),
    UPSTREAM: new URL(upstream).host,
  }
  renderConfiguration('nginx', dir, values, ['common.conf', file])
  const args = ['-p', dir, '-e', 'stderr', '-c', join(dir, file)]
  const server = await startServer({ command: 'nginx', args, cwd: dir, port, core })
  return { name: `nginx ${configuration}`, url: `http://127.0.0.1:${port}`, base: '', ...server }
}

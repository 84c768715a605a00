import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { freePort } from '../../test/support/daemon.ts'
import type { Peer, PeerOptions } from './peer.ts'
import { startServer } from './start-server.ts'
import { renderConfiguration } from './template.ts'

const START_MS = 30_000
const POLL_MS = 20

/** Starts Apache Traffic Server with one network thread, its directories all its own. */
export async function startTrafficServerPeer({ dir, upstream, core }: PeerOptions): Promise<Peer> {
  for (const name of ['cache', 'log', 'run']) mkdirSync(join(dir, name), { recursive: true })
  const port = await freePort()
  renderConfiguration('trafficserver', dir, { DIR: dir, PORT: String(port), UPSTREAM: upstream })
  const args = [`--run-root=${join(dir, 'runroot.yaml')}`]
  const server = await startServer({ command: 'traffic_server', args, cwd: dir, port, core })
  await waitForCache(join(dir, 'log/diags.log'))
  return { name: 'trafficserver', url: `http://127.0.0.1:${port}`, base: '', ...server }
}

/** It listens before its cache is open, and passes everything through until then. */
async function waitForCache(log: string): Promise<void> {
  const deadline = performance.now() + START_MS
  while (!existsSync(log) || !readFileSync(log, 'utf8').includes('fully initialized')) {
    if (performance.now() > deadline)
      throw new Error(`Traffic Server opened no cache within ${START_MS} ms: see ${log}`)
    await sleep(POLL_MS)
  }
}

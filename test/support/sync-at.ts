import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { IncomingMessage } from 'node:http'

import type { SyncSummary } from '../../src/http/send-sync.ts'

/** Has the server that runs on a data directory sync a mirror, by its admin socket; tells how that ended. */
export async function syncAt(dataDir: string, mirror: string): Promise<SyncSummary> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const path = `/api/v1/mirrors/${mirror}/sync`
  request({ socketPath: join(dataDir, 'admin.sock'), method: 'POST', path, agent: false }, resolve)
    .once('error', reject)
    .end()
  const body = await text(await promise)
  const line = JSON.parse(body.trimEnd().split('\n').at(-1) || '{}') as { result?: SyncSummary }
  return line.result ?? { mirror, outcome: 'failed', error: body }
}

import { join } from 'node:path'

import { ServerConnection, type ServerWrite } from '../../src/cli/server-connection.ts'
import type { FetchLine, FetchSummary } from '../../src/http/send-fetch.ts'
import type { SyncLine } from '../../src/http/send-sync.ts'
import type { VerifyLine } from '../../src/http/send-verify.ts'
import type { VerifyReport } from '../../src/snapshot/verify/verify-report.ts'

/** Syncs a mirror of a running server; gives how that ended. */
export async function syncOn(dataDir: string, mirror: string): Promise<string> {
  return await withServer(dataDir, async (server) => {
    for await (const line of server.post<SyncLine>(`/api/v1/mirrors/${mirror}/sync`))
      if ('result' in line) return line.result.outcome
    throw new Error('a sync ended without a result')
  })
}

/** Fetches packages of a mirror of a running server, by their paths; what its policy wants unless told. */
export async function fetchOn(
  dataDir: string,
  mirror: string,
  packages: readonly string[],
): Promise<FetchSummary> {
  return await withServer(dataDir, async (server) => {
    const body = packages.length === 0 ? {} : { packages }
    for await (const line of server.post<FetchLine>(`/api/v1/mirrors/${mirror}/fetch`, body))
      if ('result' in line) return line.result
    throw new Error('a fetch ended without a result')
  })
}

/** Has a running server verify what it has stored. */
export async function verifyOn(dataDir: string): Promise<VerifyReport> {
  return await withServer(dataDir, async (server) => {
    for await (const line of server.post<VerifyLine>('/api/v1/verify', {}))
      if ('result' in line) return line.result
    throw new Error('a verification ended without a result')
  })
}

/** Has a running server change something; gives its answer. */
export async function writeOn<T>(dataDir: string, write: ServerWrite): Promise<T> {
  return await withServer(dataDir, (server) => server.write<T>(write))
}

async function withServer<T>(dataDir: string, use: (server: ServerConnection) => Promise<T>): Promise<T> {
  const server = await ServerConnection.open(join(dataDir, 'admin.sock'))
  // It may have been killed by now, which breaks no promise.
  if (server === undefined) throw new Error('no server listens on the admin socket')
  try {
    return await use(server)
  } finally {
    await server.close()
  }
}

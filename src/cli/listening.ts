import { createLayout } from '../cache/layout.ts'
import type { Config, ListenAddress } from '../config/config.ts'
import { parseListen } from '../config/listen.ts'
import { ServerConnection } from './server-connection.ts'

/** What a server says of the configuration that it runs with. */
export interface RunningState {
  readonly ok: boolean
  readonly error: string | null
  /** The address that it listens on, null for a Unix socket; a server of an older version does not say. */
  readonly listens?: string | null
}

/** Where a server listens by what it says itself, which need not be what is configured: its socket may have been handed over. */
export function listeningOf({ listen }: Config, { listens }: RunningState): ListenAddress | undefined {
  if (listens === undefined) return listen
  return listens === null ? undefined : parseListen(listens)
}

/** Where this machine's server of a configuration listens, or would; undefined for a Unix socket. */
export async function findListening(config: Config): Promise<ListenAddress | undefined> {
  const server = await ServerConnection.open(createLayout(config.dataDir).adminSocket)
  if (server === undefined) return config.listen
  try {
    return listeningOf(config, await server.get<RunningState>('/api/v1/configuration'))
  } finally {
    await server.close()
  }
}

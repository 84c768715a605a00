import { existsSync } from 'node:fs'

import { createLayout } from '../cache/layout.ts'
import { loadConfig } from '../config/load.ts'
import { answerApi } from '../proxy/api.ts'
import { SqliteSnapshotStore } from '../snapshot/sqlite-snapshot-store.ts'
import type { Options } from './exit.ts'
import { ServerConnection } from './server-connection.ts'

/** Where a reading command gets its answer. */
export interface MirrorSource {
  /** GETs a path of the API, as JSON. */
  get<T>(path: string): Promise<T>
  /** Whether a server runs. */
  readonly running: boolean
  close(): Promise<void>
}

/**
 * The server that the options name; else the running one of the configuration; undefined when none runs.
 * @throws PinyonError when the named one does not answer, and ConfigError
 */
export async function openServer({ config, server }: ServerOptions): Promise<ServerConnection | undefined> {
  if (server !== undefined) return await ServerConnection.connect(server, process.env['PINYON_TOKEN'])
  const { dataDir } = loadConfig(config, process.env)
  return await ServerConnection.open(createLayout(dataDir).adminSocket)
}

/** The server, else the data directory itself: both give the same answers. */
export async function openMirrorSource(options: ServerOptions): Promise<MirrorSource> {
  const server = await openServer(options)
  if (server !== undefined)
    return { running: true, get: (path) => server.get(`/api/v1/${path}`), close: () => server.close() }
  // Nothing has ever run here: an empty store, without making one.
  const layout = createLayout(loadConfig(options.config, process.env).dataDir)
  const store = new SqliteSnapshotStore(existsSync(layout.database) ? layout.database : ':memory:')
  return {
    running: false,
    get: async (path) => {
      const [resource = '', query] = path.split('?')
      const segments = resource.split('/').map(decodeURIComponent)
      const context = { snapshots: store, configuration: { error: undefined } }
      return JSON.parse((await answerApi(context, segments, new URLSearchParams(query))).body.toString())
    },
    close: () => store.close(),
  }
}

/** Which server a command is for. */
type ServerOptions = Pick<Options, 'config' | 'server'>

import { existsSync } from 'node:fs'

import type { BlobLedger } from '../cache/blob-ledger.ts'
import { createLayout } from '../cache/layout.ts'
import { loadConfig } from '../config/load.ts'
import type { CacheView } from '../proxy/api-context.ts'
import { answerApi } from '../proxy/api.ts'
import type { ApiContext } from '../proxy/api-context.ts'
import { DiffRunner } from '../snapshot/diff/diff-runner.ts'
import { SqliteSnapshotStore } from '../snapshot/sqlite-snapshot-store.ts'
import type { Options } from './exit.ts'
import { ServerConnection } from './server-connection.ts'

/** Where a reading command gets its answer. */
export interface MirrorSource {
  /** GETs a path of the API, as JSON. `answerMs`: how long a server may take; 0 for ever. */
  get<T>(path: string, answerMs?: number): Promise<T>
  /** Whether a server runs. */
  readonly running: boolean
  close(): Promise<void>
}

/**
 * The server that the options name; else the running one of the configuration; undefined when none runs.
 * @throws PinyonError when the named one does not answer, and ConfigError
 */
export async function openServer({ config, server }: ServerOptions): Promise<ServerConnection | undefined> {
  if (server !== undefined) return await ServerConnection.connect(server)
  const { dataDir } = loadConfig(config, process.env)
  return await ServerConnection.open(createLayout(dataDir).adminSocket)
}

/** The server, else the data directory itself: both give the same answers. */
export async function openMirrorSource(options: ServerOptions): Promise<MirrorSource> {
  const server = await openServer(options)
  if (server !== undefined)
    return {
      running: true,
      get: (path, answerMs) => server.get(`/api/v1/${path}`, answerMs),
      close: () => server.close(),
    }
  // Nothing has ever run here: an empty store, without making one.
  const { dataDir, cache } = loadConfig(options.config, process.env)
  const layout = createLayout(dataDir)
  const store = new SqliteSnapshotStore(existsSync(layout.database) ? layout.database : ':memory:')
  const diffs = new DiffRunner(dataDir)
  return {
    running: false,
    get: async (path) => {
      const [resource = '', query] = path.split('?')
      const segments = resource.split('/').map(decodeURIComponent)
      const usage = { reader: store.usage, flush: async () => {} }
      const context: ApiContext = {
        snapshots: store,
        usage,
        showClient: showInFull,
        prefetch: () => undefined,
        configuration: { error: undefined },
        cache: () => describeCache(store.ledger, cache.maxBytes),
        diff: (pair) => diffs.diff(pair),
      }
      return JSON.parse((await answerApi(context, segments, new URLSearchParams(query))).body.toString())
    },
    close: () => store.close(),
  }
}

function describeCache(ledger: BlobLedger, maxBytes: number): CacheView {
  const { count, bytes } = ledger.total()
  const unknown = { only_here_bytes: null, fetchable_bytes: null, repodata_bytes: null }
  return { blobs: count, bytes, max_bytes: maxBytes, full: false, ...unknown }
}

/** Who may read the data directory may know who asked. */
function showInFull(address: string): string {
  return address
}

/** Which server a command is for. */
type ServerOptions = Pick<Options, 'config' | 'server'>

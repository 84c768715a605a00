import { existsSync } from 'node:fs'

import type { BlobLedger } from '../cache/blob-ledger.ts'
import { createLayout } from '../cache/layout.ts'
import { loadConfig } from '../config/load.ts'
import type { CacheView } from '../proxy/api-context.ts'
import { answerApi } from '../proxy/api.ts'
import type { ApiContext } from '../proxy/api-context.ts'
import { DiffRunner } from '../snapshot/diff-runner.ts'
import { SqliteSnapshotStore } from '../snapshot/sqlite-snapshot-store.ts'
import { ServerConnection } from './server-connection.ts'

/** Where a reading command gets its answer. */
export interface MirrorSource {
  /** GETs a path of the API, as JSON. `answerMs`: how long a server may take; 0 for ever. */
  get<T>(path: string, answerMs?: number): Promise<T>
  /** Whether a server runs. */
  readonly running: boolean
  close(): Promise<void>
}

/** The running server, else the data directory itself: both give the same answers. */
export async function openMirrorSource(configFile: string): Promise<MirrorSource> {
  const { dataDir, cache } = loadConfig(configFile, process.env)
  const layout = createLayout(dataDir)
  const server = await ServerConnection.open(layout.adminSocket)
  if (server !== undefined)
    return {
      running: true,
      get: (path, answerMs) => server.get(`/api/v1/${path}`, answerMs),
      close: () => server.close(),
    }
  // Nothing has ever run here: an empty store, without making one.
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

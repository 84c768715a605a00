import { existsSync } from 'node:fs'

import { toClientSettings } from '../app/client-settings.ts'
import { createPathSources } from '../app/explain-paths.ts'
import type { BlobLedger } from '../cache/blob-ledger.ts'
import { hasFewFiles } from '../cache/free-space.ts'
import { createLayout } from '../cache/layout.ts'
import { LEAVING_IDENTITIES, loadConfig } from '../config/load.ts'
import { answerApi } from '../proxy/api.ts'
import type { ApiContext, CacheView } from '../proxy/api-context.ts'
import { Resolver } from '../proxy/resolver.ts'
import { DiffRunner } from '../snapshot/diff/diff-runner.ts'
import { createJudge } from '../snapshot/keys/judge.ts'
import { KeyRing } from '../snapshot/keys/key-ring.ts'
import { SqliteSnapshotStore } from '../snapshot/sqlite-snapshot-store.ts'
import { Traffic } from '../system/traffic.ts'
import { createLocalRefusals } from './local-refusals.ts'
import type { MirrorSource } from './reading.ts'

/** What a data directory says itself, while no server runs on it: the same answers as a server's. */
export function openLocalSource(configFile: string): MirrorSource {
  // Nothing has ever run here: an empty store, without making one.
  const { dataDir, cache, mirrors, retention } = loadConfig(configFile, process.env, LEAVING_IDENTITIES)
  const layout = createLayout(dataDir)
  const isUsed = existsSync(layout.database) || existsSync(layout.inventory)
  const store = new SqliteSnapshotStore(isUsed ? layout.database : ':memory:')
  const diffs = new DiffRunner(dataDir)
  const judge = createJudge(new AbortController().signal)
  const ring = new KeyRing({ store: store.keys, judge, now: Date.now })
  const resolver = new Resolver(store, (mirror) => toClientSettings(mirrors.get(mirror)))
  const refusalOf = createLocalRefusals({ layout, store, ring, mirrors })
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
        gpgKeys: (mirror) => ring.keysOf(mirrors.get(mirror)?.gpgKeys ?? []),
        sourcesOf: () => [],
        paths: createPathSources({ resolver, ledger: store.ledger, refusalOf }),
        listOf: () => undefined,
        identityProblemOf: () => undefined,
        intervalOf: (mirror) => mirrors.get(mirror)?.syncIntervalMs,
        syncOf: () => ({ nextAt: undefined, progress: undefined }),
        retention: () => retention,
        soleBytes: async () => undefined,
        workers: () => ({ serving: 0, wanted: 0, restarts: 0 }),
        traffic: () => new Traffic(Date.now).report(),
        now: Date.now,
        cache: () => describeCache(store.ledger, cache.maxBytes, hasFewFiles(dataDir)),
        diff: (pair) => diffs.diff(pair),
      }
      return JSON.parse((await answerApi(context, segments, new URLSearchParams(query))).body.toString())
    },
    close: () => store.close(),
  }
}

function describeCache(ledger: BlobLedger, maxBytes: number, fewInodes: boolean): CacheView {
  const { count, bytes } = ledger.total()
  const unknown = { only_here_bytes: null, fetchable_bytes: null, repodata_bytes: null }
  const now = { full: false, few_inodes: fewInodes, collecting: false }
  return { blobs: count, bytes, max_bytes: maxBytes, ...now, ...unknown }
}

/** Who may read the data directory may know who asked. */
function showInFull(address: string): string {
  return address
}

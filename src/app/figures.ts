import { Metrics } from '../system/metrics.ts'
import type { MirrorUpstream } from '../upstream/mirror-upstream.ts'
import { VERSION } from '../system/version.ts'
import type { Storage } from './storage.ts'

interface FigureSources {
  readonly maxBytes: () => number
  readonly upstreams: () => ReadonlyMap<string, MirrorUpstream>
}

/** The figures of a server, read from its storage and its sources when somebody asks. */
export function createMetrics(storage: Storage, { maxBytes, upstreams }: FigureSources): Metrics {
  return new Metrics(VERSION, {
    cache: () => {
      const view = storage.describeCache(maxBytes())
      return {
        count: view.blobs,
        bytes: view.bytes,
        maxBytes: view.max_bytes,
        reservedBytes: view.reserved_bytes,
        protectedBytes: view.only_here_bytes ?? undefined,
      }
    },
    sources: () =>
      [...upstreams()].flatMap(([mirror, { health }]) =>
        health.map(({ baseurl, state, failures }) => ({
          mirror,
          source: baseurl,
          isDown: state === 'down',
          failures,
        })),
      ),
    generation: async () => (await storage.snapshots.index()).generation,
    views: async () => await storage.snapshots.views.count(),
  })
}

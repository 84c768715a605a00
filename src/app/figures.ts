import { Metrics } from '../system/metrics.ts'
import { VERSION } from '../system/version.ts'
import type { Storage } from './storage.ts'

/** The figures of a server, read from its storage when somebody asks. */
export function createMetrics(storage: Storage, maxBytes: () => number): Metrics {
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
    generation: async () => (await storage.snapshots.index()).generation,
    views: async () => await storage.snapshots.views.count(),
  })
}

import { Metrics } from '../system/metrics.ts'
import type { MirrorUpstreams } from '../upstream/arch-sources.ts'
import { VERSION } from '../system/version.ts'
import type { MirrorPackages } from '../system/metrics.ts'
import type { SnapshotStore } from '../snapshot/store.ts'
import type { Storage } from './storage.ts'

interface FigureSources {
  readonly maxBytes: () => number
  readonly upstreams: () => ReadonlyMap<string, MirrorUpstreams>
  readonly workers: () => { readonly serving: number; readonly restarts: number } | undefined
}

/** The figures of a server, read from its storage and its sources when somebody asks. */
export function createMetrics(storage: Storage, { maxBytes, upstreams, workers }: FigureSources): Metrics {
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
    packages: () => readPackages(storage.snapshots),
    generation: async () => (await storage.snapshots.index()).generation,
    // Before it listens a server is one process.
    workers: () => workers() ?? { serving: 1, restarts: 0 },
    views: async () => await storage.snapshots.views.count(),
  })
}

async function readPackages(
  store: Pick<SnapshotStore, 'index' | 'departed' | 'stock'>,
): Promise<MirrorPackages[]> {
  const { current } = await store.index()
  const [departed, cached] = [await store.departed.counts(), await store.stock.counts()]
  const mirrors = new Set([...current.keys(), ...departed.keys()])
  return [...mirrors].map((mirror) => {
    const counts = departed.get(mirror)
    const snapshot = current.get(mirror)
    const known = snapshot === undefined ? undefined : cached.get(snapshot.id)?.count
    const onDemand = known === undefined || snapshot === undefined ? undefined : snapshot.packageCount - known
    return {
      mirror,
      atRisk: counts?.at_risk.count ?? 0,
      atRiskBytes: counts?.at_risk.bytes ?? 0,
      lost: counts?.lost.count ?? 0,
      cached: known,
      onDemand,
    }
  })
}

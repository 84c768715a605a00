import type { WriteActions } from '../http/write-actions.ts'
import type { SnapshotStore } from '../snapshot/store.ts'
import type { Collector } from './collector.ts'
import type { ConfigChanges } from './config-changes.ts'
import { fetchPackages } from './fetch-packages.ts'
import type { Fetching } from './fetching.ts'

/** What writes are done by. */
export interface WriteParts {
  readonly app: Pick<WriteActions, 'sync' | 'board' | 'reload' | 'verify'> & {
    readonly collector: Pick<Collector, 'collect'>
    readonly store: SnapshotStore
  }
  readonly changes: ConfigChanges
  readonly fetching: Pick<Fetching, 'prefetcher'>
  /** Forgets what targets named; resolves when no process of this server answers by it. */
  readonly forget: () => Promise<void>
  /** Resolves when what a collection has retired is forgotten in the same way. */
  readonly settled: () => Promise<void>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** What a write of the API does, by its name. */
export function createWriteActions(parts: WriteParts): WriteActions {
  const { app, changes, fetching, now } = parts
  return {
    sync: (mirror, actor) => app.sync(mirror, actor),
    fetch: (mirror, request, onProgress) =>
      fetchPackages({ store: app.store, prefetcher: fetching.prefetcher }, mirror, request, onProgress),
    board: app.board,
    reload: (change) => app.reload(change),
    pin: (mirror, request, actor) => changes.pin(mirror, request, actor),
    unpin: (mirror, request, actor) => changes.unpin(mirror, request, actor),
    rollBackMirror: (mirror, request, actor) => changes.rollBackMirror(mirror, request, actor),
    rollBackFarm: (request, actor) => changes.rollBackFarm(request, actor),
    remove: (mirror, request, actor) => changes.remove(mirror, request, actor),
    retire: async (mirror, snapshot) => {
      await app.store.retire(mirror, snapshot, now())
      await parts.forget()
      return { mirror, snapshot, retired: true }
    },
    endViews: (client) => app.store.views.endAll(client),
    endView: (view) => app.store.views.end(view),
    collect: async (request) => {
      const report = await app.collector.collect(request)
      await parts.settled()
      return report
    },
    verify: (request) => app.verify(request),
  }
}

import type { WriteActions } from '../http/write-actions.ts'
import type { Resolver } from '../proxy/resolver.ts'
import type { SnapshotStore } from '../snapshot/store.ts'
import type { Collector } from './collector.ts'
import type { ConfigChanges } from './config-changes.ts'
import type { Fetching } from './fetching.ts'

/** What writes are done by. */
export interface WriteParts {
  readonly app: Pick<WriteActions, 'sync' | 'board' | 'reload' | 'verify'> & {
    readonly collector: Pick<Collector, 'collect'>
    readonly store: SnapshotStore
  }
  readonly changes: ConfigChanges
  readonly fetching: Pick<Fetching, 'prefetcher'>
  readonly resolver: Pick<Resolver, 'forget'>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** What a write of the API does, by its name. */
export function createWriteActions({ app, changes, fetching, resolver, now }: WriteParts): WriteActions {
  return {
    sync: (mirror, actor) => app.sync(mirror, actor),
    fetch: (mirror, request, onProgress) => fetching.prefetcher.fetch(mirror, request, onProgress),
    board: app.board,
    reload: (change) => app.reload(change),
    pin: (mirror, request, actor) => changes.pin(mirror, request, actor),
    unpin: (mirror, actor) => changes.unpin(mirror, actor),
    rollBackMirror: (mirror, why, actor) => changes.rollBackMirror(mirror, why, actor),
    rollBackFarm: (request, actor) => changes.rollBackFarm(request, actor),
    remove: (mirror, request, actor) => changes.remove(mirror, request, actor),
    retire: async (mirror, snapshot) => {
      await app.store.retire(mirror, snapshot, now())
      resolver.forget()
      return { mirror, snapshot, retired: true }
    },
    endViews: (client) => app.store.views.endAll(client),
    endView: (view) => app.store.views.end(view),
    collect: (request) => app.collector.collect(request),
    verify: (request) => app.verify(request),
  }
}

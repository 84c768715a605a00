import type { DashboardParts } from './dashboards.ts'
import type { Figures } from './figures.ts'
import { createFastFiles, createHandlers } from './handlers.ts'
import { hashesOf } from './mirrors.ts'
import { createRouteContext, type RouteParts } from './route-context.ts'
import { createWriteActions, type WriteParts } from './write-actions.ts'
import { createCounters } from '../http/count-traffic.ts'
import type { EndedRequest } from '../http/ended-request.ts'
import { HttpServer, type Handler } from '../http/server.ts'
import type { Logger } from '../system/logger.ts'

/** The parts of an open App that its servers are made from. */
export interface ServerParts extends RouteParts, Pick<WriteParts, 'app' | 'changes' | 'forget' | 'settled'> {
  readonly syncing: DashboardParts['syncing']
  readonly figures: Figures
  readonly log: Logger
}

/** What an App answers with; neither listens yet. */
export interface Servers {
  /** Over TCP. */
  readonly server: HttpServer
  /** On the admin socket. */
  readonly adminServer: HttpServer
  /** Counts a request that has ended. */
  readonly onEnd: (ended: EndedRequest) => void
}

/** The servers of an App. */
export function createServers(parts: ServerParts): Servers {
  const { resolver, content, storage, traffic, running, syncing, figures, log } = parts
  const config = () => running.current
  const { open, admin } = createHandlers({
    context: createRouteContext(parts),
    createDashboard: async (context) => {
      const { createDashboard } = await import('./dashboards.ts')
      return createDashboard(context, { config, syncing })
    },
    shownClients: () => config().dashboard?.clients ?? 'network',
    actions: createWriteActions(parts),
    tokens: () => hashesOf(config()),
    log,
    onWrite: (op, result) => figures.countWrite(op, result),
  })
  const onEnd = createCounters({ usage: storage.usage, traffic, tally: figures.tally })
  const onLeftOut = (count: number) => figures.countLeftOut(count)
  const fast = createFastFiles(resolver, content, config)
  const server = new HttpServer(open, log, {
    onEnd,
    onLeftOut,
    fast,
    trustedProxies: () => config().trustedProxies,
  })
  const countFirst: Handler = (exchange) => {
    server.countHits()
    return admin(exchange)
  }
  // A sync that waits for its turn says nothing for as long as that takes.
  return { server, adminServer: new HttpServer(countFirst, log, { idleMs: 0 }), onEnd }
}

import type { Dashboard } from '../dashboard/dashboard.ts'
import { authorizeBySocket, authorizeByToken } from '../http/authorize.ts'
import type { TokenHashes } from '../http/bearer.ts'
import type { FastFiles } from '../http/fast/fast-path.ts'
import { route, type RouteContext } from '../http/routes.ts'
import type { Handler } from '../http/server.ts'
import type { WriteActions } from '../http/write-actions.ts'
import { withWrites, type WriteContext } from '../http/writes.ts'
import type { Config } from '../config/config.ts'
import { toNetwork } from '../model/network.ts'
import type { ConfigurationState } from '../proxy/api-context.ts'
import type { Content } from '../proxy/content.ts'
import { canBeInUrl, publicBase } from '../proxy/public-base.ts'
import type { Resolver } from '../proxy/resolver.ts'
import { isIndexTarget } from '../proxy/rolling-replies.ts'
import type { Logger } from '../system/logger.ts'

/** What requests are answered with. */
export interface HandlerOptions {
  readonly context: Omit<RouteContext, 'dashboard'>
  /** The pages for those who see what a context shows; called when one is asked for. */
  readonly createDashboard: (context: Omit<RouteContext, 'dashboard'>) => Promise<Dashboard>
  /** What the network is told of clients. */
  readonly shownClients: () => 'network' | 'full' | 'count'
  readonly actions: WriteActions
  /** Gives the tokens of the running configuration. */
  readonly tokens: () => TokenHashes
  readonly log: Logger
  readonly onWrite?: WriteContext['onWrite']
}

/** What answers over TCP, and what answers on the admin socket: the same, but for who may write and what is told of the configuration. */
export function createHandlers(options: HandlerOptions): {
  readonly open: Handler
  readonly admin: Handler
} {
  const { context, createDashboard, shownClients, actions, tokens, log, onWrite } = options
  const writing = { actions, log, ...(onWrite === undefined ? {} : { onWrite }) }
  // The socket's user is told file, line and value; the network only that something is wrong.
  const hidden = {
    ...context,
    configuration: () => hideDetails(context.configuration()),
    showClient: (address: string) => narrow(address, shownClients()),
  }
  const made: Dashboard[] = []
  const withPages = (shown: Omit<RouteContext, 'dashboard'>): RouteContext => {
    let making: Promise<Dashboard> | undefined
    const make = async () => {
      const dashboard = await createDashboard(shown)
      made.push(dashboard)
      return dashboard
    }
    return { ...shown, dashboard: () => (making ??= make()) }
  }
  const [open, admin] = [withPages(hidden), withPages(context)]
  const onDone = () => {
    for (const dashboard of made) dashboard.forget()
  }
  const [byToken, bySocket] = [authorizeByToken(tokens), authorizeBySocket]
  return {
    open: withWrites({ ...writing, onDone, authorize: byToken }, (exchange) => route(exchange, open)),
    admin: withWrites({ ...writing, onDone, authorize: bySocket }, (exchange) => route(exchange, admin)),
  }
}

/** What is answered over TCP before any handler: files, indexes and what is current, as a handler has answered them before. */
export function createFastFiles(resolver: Resolver, content: Content, config: () => Config): FastFiles {
  return {
    peek: (target, host, isJustRead) => resolver.peek(target, indexBase(target, host, config()), isJustRead),
    content,
    cold: { lookUp: (target) => resolver.lookUp(target), content },
    isOn: () => config().fastPath !== false,
  }
}

/** What URLs of an index begin with, of another target nothing; nor where the host is for whoever answers in full to refuse. */
export function indexBase(
  target: string,
  host: string,
  { publicUrl }: Pick<Config, 'publicUrl'>,
): string | undefined {
  if (!isIndexTarget(target)) return undefined
  return publicUrl ?? (canBeInUrl(host) ? publicBase(undefined, host) : undefined)
}

/** An address as the network may see it. */
function narrow(address: string, shown: 'network' | 'full' | 'count'): string {
  if (shown === 'full') return address
  return shown === 'network' ? toNetwork(address) : 'not shown'
}

function hideDetails({ error, problems }: ConfigurationState): ConfigurationState {
  return {
    ...(problems === undefined ? {} : { problems }),
    error:
      error === undefined ? undefined : 'the file on disk is refused: see the status command, or the log',
  }
}

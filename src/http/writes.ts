import { PinyonError, toPinyonError } from '../model/errors.ts'
import { parseRequestTarget, queryOf } from '../proxy/request-target.ts'
import type { Logger } from '../system/logger.ts'
import type { Exchange } from './exchange.ts'
import { sendWritten } from './send-text.ts'
import type { Handler } from './server.ts'
import { findRoutes, type WriteOp, type WriteRoute } from './write-routes.ts'
import type { WriteActions } from './write-actions.ts'

/** What writes go through. */
export interface WriteContext {
  readonly actions: WriteActions
  /** Who asks. Throws PinyonError UNAUTHORIZED or FORBIDDEN for who may not write. */
  readonly authorize: (exchange: Exchange) => string
  readonly log: Logger
  /** Told of what was done, before whoever asked for it is. */
  readonly onDone?: () => void
  /** Told of every attempt. */
  readonly onWrite?: (op: WriteOp, result: 'ok' | 'denied' | 'failed') => void
}

/** Who may not write has no name. */
const DENIED = 'denied'

/** The longest path that an audit line holds. */
const MAX_PATH_LENGTH = 300

/**
 * Answers the writes of the API, and hands everything else on. Who may not write learns nothing but that; each attempt is a line
 * of the log, with `audit`.
 */
export function withWrites(context: WriteContext, next: Handler): Handler {
  // Every file is asked for along this way: most requests are told by a look, without a further promise.
  return (exchange) => {
    const { url = '/' } = exchange.request
    const isApi = isRead(exchange) ? url.startsWith('/api/') : url.includes('/api/')
    return isApi ? answerApi(exchange, context, next) : next(exchange)
  }
}

async function answerApi(exchange: Exchange, context: WriteContext, next: Handler): Promise<void> {
  const { method = '', url = '/' } = exchange.request
  const [api, version, ...path] = parseRequestTarget(url).segments
  const routes = api === 'api' && version === 'v1' ? findRoutes(path) : []
  const readable = routes.length === 0 || routes.some(({ isReadable }) => isReadable)
  if (routes.length === 0 || (isRead(exchange) && readable)) return await next(exchange)
  const route = routes.find((one) => one.method === method)
  if (route !== undefined) return await write(exchange, route, path, context)
  const allow = [...(readable ? ['GET', 'HEAD'] : []), ...routes.map((one) => one.method)].join(', ')
  throw new PinyonError('METHOD_REFUSED', `method refused: ${method}`, { allow })
}

function isRead({ request: { method } }: Exchange): boolean {
  return method === 'GET' || method === 'HEAD'
}

async function write(
  exchange: Exchange,
  route: WriteRoute,
  path: readonly string[],
  { actions, authorize, log, onWrite, onDone }: WriteContext,
): Promise<void> {
  const { request } = exchange
  const audit = {
    audit: true,
    method: request.method,
    path: `/api/v1/${path.join('/')}`.slice(0, MAX_PATH_LENGTH),
    client: exchange.client,
    id: exchange.id,
  }
  let actor: string = DENIED
  try {
    actor = authorize(exchange)
    const outcome = await route.run({ exchange, actor, actions, path, query: queryOf(request.url ?? '') })
    onDone?.()
    if (outcome.reply !== undefined) sendWritten(exchange, outcome.reply)
    onWrite?.(route.op, 'ok')
    log.info({ ...audit, actor, status: 200, ...outcome.note }, 'write')
  } catch (thrown) {
    const { code, message, kind } = toPinyonError(thrown)
    // A body that is not read to its end, or too long, must not be taken for the next request; nor be waited for.
    if (code === 'BODY_TOO_LARGE') exchange.response.shouldKeepAlive = false
    onWrite?.(route.op, actor === DENIED ? 'denied' : 'failed')
    log.warn({ ...audit, actor, status: kind.status, code, reason: message }, 'write')
    throw thrown
  }
}

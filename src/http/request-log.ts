import type { Logger } from '../system/logger.ts'
import type { Exchange } from './exchange.ts'

/** One line a request. Trouble of ours is an error, upstream's a warning, the rest information. */
export function logExchange(log: Logger, exchange: Exchange): void {
  const { request, response, error, outcome, snapshot, note } = exchange
  const level = error === undefined || error.kind.source === 'client' ? 'info' : LEVELS[error.kind.source]
  if (!log.isLevelEnabled(level)) return
  log[level](
    {
      method: request.method,
      target: redactTarget(request.url ?? '').slice(0, 1_000),
      status: response.statusCode,
      outcome,
      ms: Math.round((performance.now() - exchange.startedAt) * 10) / 10,
      client: exchange.client,
      agent: request.headers['user-agent']?.slice(0, 200),
      ...(snapshot === undefined ? {} : { mirror: snapshot.mirror, snapshot: snapshot.name }),
      ...note,
      ...(error === undefined ? {} : { code: error.code, reason: error.message }),
      ...(error?.code === 'STORE_FAILED' ? { cause: describeCause(error) } : {}),
    },
    'request',
  )
}

/** A request target without the secrets that somebody may put into a query; we take none from there. */
export function redactTarget(target: string): string {
  return target.replace(/([?&][^=&]*(?:token|authorization|password)[^=&]*=)[^&]*/gi, '$1***')
}

const LEVELS = { upstream: 'warn', internal: 'error' } as const

function describeCause(error: Error): string | undefined {
  return error.cause instanceof Error ? error.cause.stack : undefined
}

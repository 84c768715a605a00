import type { Logger } from '../system/logger.ts'
import type { EndedRequest } from './ended-request.ts'

/** One line a request. Trouble of ours is an error, upstream's a warning, the rest information. */
export function logRequest(log: Logger, ended: EndedRequest): void {
  const { error, snapshot, note } = ended
  const level = error === undefined || error.kind.source === 'client' ? 'info' : LEVELS[error.kind.source]
  if (!log.isLevelEnabled(level)) return
  log[level](
    {
      method: ended.method,
      target: describeTarget(ended.target),
      status: ended.status,
      outcome: ended.outcome,
      ms: Math.round((performance.now() - ended.startedAt) * 10) / 10,
      client: ended.client,
      agent: describeAgent(ended.userAgent),
      ...(snapshot === undefined ? {} : { mirror: snapshot.mirror, snapshot: snapshot.name }),
      ...note,
      ...(error === undefined ? {} : { code: error.code, reason: error.message }),
      ...(error?.code === 'STORE_FAILED' ? { cause: describeCause(error) } : {}),
    },
    'request',
  )
}

/** A request target as the log shows it: without secrets, and bounded. */
export function describeTarget(target: string): string {
  return redactTarget(target).slice(0, 1_000)
}

/** A User-Agent as the log shows it. */
export function describeAgent(userAgent: string | undefined): string | undefined {
  return userAgent?.slice(0, 200)
}

/** A request target without the secrets that somebody may put into a query; we take none from there. */
export function redactTarget(target: string): string {
  return target.replace(/([?&][^=&]*(?:token|authorization|password)[^=&]*=)[^&]*/gi, '$1***')
}

const LEVELS = { upstream: 'warn', internal: 'error' } as const

function describeCause(error: Error): string | undefined {
  return error.cause instanceof Error ? error.cause.stack : undefined
}

import { PinyonError } from '../model/errors.ts'
import type { ApiContext, ApiRequest, ApiResource } from './api-context.ts'
import { answerAttention } from './api-attention.ts'
import { answerCache } from './api-cache.ts'
import { answerChecks } from './api-checks.ts'
import { answerGenerations } from './api-generations.ts'
import { answerMirrors } from './api-mirrors.ts'
import { createJsonReply } from './api-reply.ts'
import { answerUsage } from './api-usage.ts'
import { answerViews } from './api-views.ts'
import { answerWhy } from './api-why.ts'
import { answerWorkers } from './api-workers.ts'
import type { TextReply } from './reply.ts'

/** By the segment after `/api/v1`. */
const RESOURCES: Readonly<Record<string, ApiResource>> = {
  attention: answerAttention,
  cache: answerCache,
  checks: answerChecks,
  configuration: answerConfiguration,
  generations: answerGenerations,
  mirrors: answerMirrors,
  usage: answerUsage,
  views: answerViews,
  why: answerWhy,
  workers: answerWorkers,
}

/**
 * Answers a GET below `/api/v1`.
 * @param segments what follows `/api/v1`
 * @throws PinyonError NOT_FOUND, PATH_REFUSED for a query that cannot be understood
 */
export async function answerApi(
  context: ApiContext,
  segments: readonly string[],
  query: URLSearchParams = new URLSearchParams(),
): Promise<TextReply> {
  const [name = '', ...rest] = segments
  const resource = Object.hasOwn(RESOURCES, name) ? RESOURCES[name] : undefined
  const reply = await resource?.(context, { rest, query })
  if (reply !== undefined) return reply
  throw new PinyonError('NOT_FOUND', `there is nothing at: /${['api', 'v1', ...segments].join('/')}`)
}

async function answerConfiguration(
  { configuration }: ApiContext,
  { rest }: ApiRequest,
): Promise<TextReply | undefined> {
  if (rest.length > 0) return undefined
  const { error, file, listens } = configuration
  const shown = { ok: error === undefined, error: error ?? null }
  return createJsonReply(file === undefined ? shown : { ...shown, file, listens })
}

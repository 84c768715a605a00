import type { ApiContext, ApiRequest } from './api-context.ts'
import { createJsonReply, toIso } from './api-reply.ts'
import { findAttention, type AttentionCode } from './attention.ts'
import type { TextReply } from './reply.ts'

/** What somebody should look at, as the API shows it. */
export interface AttentionView {
  /** 1 is worst. */
  readonly rank: number
  readonly code: AttentionCode
  /** Null for what is about all of them. */
  readonly mirror: string | null
  readonly text: string
  readonly cause: string
  readonly since: string | null
  readonly also: readonly AttentionCode[]
}

/** Answers `attention`: what needs somebody, worst first, at most one a mirror. */
export async function answerAttention(
  context: ApiContext,
  { rest }: ApiRequest,
): Promise<TextReply | undefined> {
  if (rest.length > 0) return undefined
  const { snapshots, configuration, sourcesOf, cache, intervalOf, traffic, now } = context
  const nowMs = now()
  const found = findAttention({
    mirrors: await snapshots.farm.mirrors(nowMs),
    trouble: traffic().trouble,
    cache: cache(),
    configuration,
    sourcesOf,
    intervalOf,
    nowMs,
  })
  const attention = found.map(({ mirror = null, since, ...one }): AttentionView => ({
    ...one,
    mirror,
    since: toIso(since),
  }))
  return createJsonReply({ attention })
}

import type { FarmMirror } from '../snapshot/farm/farm.ts'
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
  const { attention } = await readAttention(context)
  return createJsonReply({ attention })
}

/** All mirrors as they are now, and what somebody should look at. */
export async function readAttention(
  context: ApiContext,
): Promise<{ readonly mirrors: readonly FarmMirror[]; readonly attention: readonly AttentionView[] }> {
  const { snapshots, configuration, sourcesOf, cache, intervalOf, traffic, now } = context
  const nowMs = now()
  const mirrors = await snapshots.farm.mirrors(nowMs)
  const found = findAttention({
    mirrors,
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
  return { mirrors, attention }
}

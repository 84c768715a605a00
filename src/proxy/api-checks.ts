import { PinyonError } from '../model/errors.ts'
import type { CheckOutcome, CheckRun } from '../snapshot/farm/farm.ts'
import type { ApiContext, ApiRequest } from './api-context.ts'
import { createJsonReply, readCount, toIso } from './api-reply.ts'
import type { TextReply } from './reply.ts'

/** Looks upstream that followed each other and came to the same, as the API shows them. */
export interface CheckView {
  readonly mirror: string
  readonly result: CheckOutcome
  /** When the first and the last of them ended, and how many there were. */
  readonly first_at: string | null
  readonly last_at: string | null
  readonly times: number
  /** Of the last one: how long it took, and what it fetched. */
  readonly ms: number
  readonly bytes: number
  /** What was published; null when nothing was. */
  readonly snapshot: string | null
  /** Why it failed; null when it did not. */
  readonly reason: string | null
  /** Who wanted it; null where it was not noted. */
  readonly by: string | null
}

/** Some of them, the last ones first. */
export interface ChecksPage {
  readonly checks: readonly CheckView[]
  /** What to ask the next page with, as `before`; null on the last one. */
  readonly next: number | null
}

const RESULTS: readonly CheckOutcome[] = ['unchanged', 'published', 'failed']
const MAX_CHECKS = 1_000

/** Answers `checks[?mirror=&result=&before=&limit=]`: each look upstream of the last 14 days. */
export async function answerChecks(
  { snapshots: { farm } }: Pick<ApiContext, 'snapshots'>,
  { rest, query }: ApiRequest,
): Promise<TextReply | undefined> {
  if (rest.length > 0) return undefined
  const limit = Math.max(1, Math.min(readCount(query, 'limit') ?? MAX_CHECKS, MAX_CHECKS))
  const mirror = query.get('mirror') ?? ''
  const outcome = readResult(query)
  const before = readCount(query, 'before')
  const found = await farm.checks({
    limit: limit + 1,
    ...(mirror === '' ? {} : { mirror }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(before === undefined ? {} : { before }),
  })
  const shown = found.slice(0, limit)
  const next = found.length > limit ? (shown.at(-1)?.lastAt ?? null) : null
  const reply: ChecksPage = { checks: shown.map(toView), next }
  return createJsonReply(reply)
}

function readResult(query: URLSearchParams): CheckOutcome | undefined {
  const asked = query.get('result') ?? ''
  if (asked === '') return undefined
  const result = RESULTS.find((one) => one === asked)
  if (result !== undefined) return result
  const found = JSON.stringify(asked.slice(0, 80))
  throw new PinyonError('PATH_REFUSED', `expected a result of ${RESULTS.join(', ')}, found: ${found}`)
}

function toView(check: CheckRun): CheckView {
  return {
    mirror: check.mirror,
    result: check.outcome,
    first_at: toIso(check.firstAt),
    last_at: toIso(check.lastAt),
    times: check.times,
    ms: check.durationMs,
    bytes: check.bytes,
    snapshot: check.outcome === 'published' ? (check.snapshot ?? null) : null,
    reason: check.reason ?? null,
    by: check.actor === '' ? null : check.actor,
  }
}

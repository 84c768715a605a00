import type { Outcome } from '../model/outcome.ts'
import { OUTCOMES } from '../model/outcome.ts'
import { REASONS, reasonOf } from '../model/reason.ts'
import { KINDS, SOURCES, STATUS_CLASSES, TIMED_KINDS } from '../system/metric-table.ts'
import { bindEach, type BoundHistogram, type Tally } from '../system/tally.ts'
import type { EndedRequest } from './ended-request.ts'
import { kindOf, mirrorOf, type RequestKind } from './request-kind.ts'

/** Whose bytes came from upstream while the client waited. */
const FETCHED: ReadonlySet<Outcome> = new Set(['fill', 'join', 'bypass'])
const FAILED: ReadonlySet<Outcome> = new Set(['lost', 'error_upstream', 'error_digest', 'error_internal'])
/** Answers whose first byte somebody was waiting for. */
const TIMED: ReadonlySet<Outcome> = new Set(['hit', 'not_modified', 'redirect', 'fill', 'join', 'bypass'])

const TIMED_KIND: Readonly<Record<RequestKind, (typeof TIMED_KINDS)[number]>> = {
  index: 'index',
  latest: 'index',
  view: 'index',
  repodata: 'repodata',
  package: 'package',
  extra: 'other',
  inject: 'other',
  api: 'other',
  ui: 'other',
}

type Source = (typeof SOURCES)[number]

/** Gives what is to be called with every request that has ended: it counts them all. What a hit costs of it is some additions. */
export function createRequestCounter(tally: Tally): (ended: EndedRequest) => void {
  const requests = bindEach(KINDS, (kind) =>
    bindEach(OUTCOMES, (outcome) => tally.counter('requests_total', kind, outcome)),
  )
  const statuses = STATUS_CLASSES.map((one) => tally.counter('responses_total', one))
  const bytesOf = bindEach(KINDS, (kind) =>
    bindEach(SOURCES, (source) => tally.counter('response_bytes_total', kind, source)),
  )
  const byTimedKind = bindEach(TIMED_KINDS, (kind) =>
    bindEach(SOURCES, (source) => tally.histogram('first_byte_seconds', kind, source)),
  )
  const firstByte = bindEach<RequestKind, Record<Source, BoundHistogram>>(
    KINDS,
    (kind) => byTimedKind[TIMED_KIND[kind]],
  )
  const classes = ['cache', 'upstream', 'failed'] as const
  const mirrors = bindEach(classes, (one) => tally.mirrorCounter('mirror_requests_total', one))
  const errors = bindEach(REASONS, (reason) => tally.counter('errors_total', reason))
  const refusedViews = tally.counter('views_refused_total')
  return (ended) => {
    const { count, outcome = 'aborted', bytes, startedAt, headAt, error } = ended
    const kind = kindOf(ended)
    const source = FETCHED.has(outcome) ? 'upstream' : 'cache'
    requests[kind][outcome].add(count)
    // Node knows no other status than one of three digits.
    statuses[Math.floor(ended.status / 100) - 1]?.add(count)
    if (bytes > 0) bytesOf[kind][source].add(bytes)
    if (headAt !== undefined && TIMED.has(outcome))
      firstByte[kind][source].observe((headAt - startedAt) / 1000, count)
    const mirror = mirrorOf(ended)
    if (mirror !== undefined) mirrors[FAILED.has(outcome) ? 'failed' : source].add(mirror, count)
    if (error === undefined) return
    if (error.kind.status >= 500) errors[reasonOf(error)].add()
    if (error.code === 'VIEWS_FULL') refusedViews.add()
  }
}

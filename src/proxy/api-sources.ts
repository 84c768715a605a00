import type { ListState } from '../snapshot/listing/mirror-list.ts'
import type { SourceReport } from '../upstream/upstream.ts'
import { toIso } from './api-reply.ts'

/** A source as the API shows it. */
export interface SourceView {
  readonly baseurl: string
  /** Of a mirror of several architectures: whose it is; else absent. */
  readonly arch?: string
  readonly state: 'ok' | 'set aside' | 'down'
  /** Since it last gave a whole answer. */
  readonly failures: number
  /** Until it is asked again; 0 for now. */
  readonly retry_in_ms: number
  readonly error: string | null
  /** Whether a metalink or mirrorlist names it. */
  readonly listed: boolean
  /** Until an answer begins, and what comes then; null while nothing was measured. */
  readonly latency_ms: number | null
  readonly bytes_per_second: number | null
  /** The part of its requests that failed, from 0 to 1, of which the last ones count most. */
  readonly failure_share: number
}

/** A metalink or mirrorlist as the API shows it. */
export interface ListView {
  readonly kind: 'metalink' | 'mirrorlist'
  readonly url: string
  /** When what holds was had, and when it was looked at last. */
  readonly fetched_at: string | null
  readonly checked_at: string | null
  /** Why it could not be had last. */
  readonly error: string | null
}

/** Puts a source in the API's words. */
export function toSourceView(source: SourceReport): SourceView {
  const { baseurl, arch, state, failures, retryInMs, error, isListed, latencyMs, bytesPerSecond } = source
  return {
    baseurl,
    ...(arch === undefined ? {} : { arch }),
    state,
    failures,
    retry_in_ms: retryInMs,
    error: error ?? null,
    listed: isListed,
    latency_ms: latencyMs === undefined ? null : Math.round(latencyMs * 10) / 10,
    bytes_per_second: bytesPerSecond === undefined ? null : Math.round(bytesPerSecond),
    failure_share: Math.round(source.failureShare * 1000) / 1000,
  }
}

/** Puts a list in the API's words; null for none. */
export function toListView(list: ListState | undefined): ListView | null {
  if (list === undefined) return null
  const { kind, url, fetchedAt, checkedAt, error } = list
  return { kind, url, fetched_at: toIso(fetchedAt), checked_at: toIso(checkedAt), error: error ?? null }
}

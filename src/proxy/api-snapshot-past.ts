import type { FarmReader } from '../snapshot/farm/farm.ts'
import type { Snapshot } from '../snapshot/store.ts'
import { toIso } from './api-reply.ts'

/** As many spans of generations, the last ones, are told. */
const MAX_SPANS = 100

/** Where a snapshot came from, and which generations saw it, as the API shows that. */
export interface SnapshotPastView {
  /** By architecture where it has several, and only those that differ from the snapshot before; none where it was not noted. */
  readonly fetched: readonly FetchView[]
  /** In which generations of the index it was current, the last ones first. */
  readonly generations: readonly CurrentSpanView[]
}

/** How the metadata of a snapshot, or of one of its architectures, were fetched. */
export interface FetchView {
  readonly arch: string | null
  readonly baseurl: string
  /** Whether a metalink or mirrorlist named that. */
  readonly listed: boolean
  readonly duration_ms: number
  readonly bytes: number
  /** How often repomd.xml had become another one by the end, so that it was fetched anew. */
  readonly moved: number
}

/** Generations, from one to another; null for the end of what is current now. */
export interface CurrentSpanView {
  readonly first: number
  readonly since: string
  readonly last: number | null
  readonly until: string | null
}

/** Puts a snapshot's past in the API's words. */
export async function toPastView(
  farm: Pick<FarmReader, 'fetches' | 'spans'>,
  snapshot: Snapshot,
): Promise<SnapshotPastView> {
  const fetches = await farm.fetches(snapshot.id)
  const spans = await farm.spans(snapshot, MAX_SPANS)
  return {
    fetched: fetches.map(({ arch, baseurl, listed, durationMs, bytes, moved }) => ({
      arch: arch ?? null,
      baseurl,
      listed,
      duration_ms: durationMs,
      bytes,
      moved,
    })),
    generations: spans.map(({ first, since, last, until }) => ({
      first,
      since: new Date(since).toISOString(),
      last: last ?? null,
      until: toIso(until),
    })),
  }
}

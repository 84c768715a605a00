import type { SnapshotFacts } from '../../model/retention.ts'
import type { SnapshotRow } from './farm-rows.ts'

/** Generations in which a snapshot was current. */
export interface SpanRow {
  readonly id: number
  readonly first: number
  /** Null while it is. */
  readonly last: number | null
}

/** What holds a mirror's snapshots. */
export interface HoldingRows {
  readonly mirror: {
    readonly listed: number
    readonly pinId: number | null
    readonly generation: number | null
  }
  /** In the order of generations. */
  readonly spans: readonly SpanRow[]
  /** Live views by the generation that they stand for. */
  readonly views: readonly { readonly generation: number; readonly views: number }[]
}

/**
 * What retention looks at of a mirror's snapshots, as a collection sees it: each table is read once for all of them, where a collection, which
 * is in nobody's way, asks for each.
 * @param rows newest first
 */
export function toSnapshotFacts(
  rows: readonly SnapshotRow[],
  { mirror, spans, views }: HoldingRows,
  graceGenerations: number,
): SnapshotFacts[] {
  const held = countViews(spans, views)
  const last = spans.at(-1)
  const graceFrom = (mirror.generation ?? 0) - graceGenerations
  const inGrace = new Set(spans.filter((one) => (one.last ?? Infinity) >= graceFrom).map(({ id }) => id))
  return rows.map(({ id, cameAt, lastUsed }) => ({
    createdAt: cameAt,
    isCurrent: last?.id === id && last.last === null,
    wasCurrent: mirror.listed === 0 && last?.id === id,
    isPinned: mirror.pinId === id,
    views: held.get(id) ?? 0,
    isInGrace: inGrace.has(id),
    usedAt: lastUsed ?? undefined,
  }))
}

/** Both lists are in the order of generations, so that they are gone through once. */
function countViews(spans: readonly SpanRow[], views: HoldingRows['views']): ReadonlyMap<number, number> {
  const held = new Map<number, number>()
  let at = 0
  for (const { generation, views: count } of views) {
    while (at < spans.length && (spans[at]?.last ?? Infinity) < generation) at += 1
    const span = spans[at]
    if (span === undefined || span.first > generation) continue
    held.set(span.id, (held.get(span.id) ?? 0) + count)
  }
  return held
}

import type { PackageSum } from '../departed/departed.ts'

// Several architectures list the same packages, and each is one in what is counted.

/** A row of a package. */
export interface ListedSpan {
  /** The same for rows of the same bytes. */
  readonly key: string | number
  readonly firstSeq: number
  /** Null while it is listed. */
  readonly lastSeq: number | null
  readonly state: number
  readonly size: number
}

/** Packages that the same snapshots list. */
export interface SpanSum extends PackageSum {
  readonly firstSeq: number
  readonly lastSeq: number
  readonly state: number
}

/**
 * In which snapshots how many packages are listed: rows of one package count once in each snapshot. It is in the state of its highest number
 * wherever it is listed at the same time.
 */
export function sumDistinct(rows: readonly ListedSpan[]): readonly SpanSum[] {
  const sums = new Map<string, SpanSum>()
  for (const same of Map.groupBy(rows, ({ key }) => key).values())
    for (const { firstSeq, lastSeq, state, size } of unite(same)) {
      const place = `${firstSeq} ${lastSeq} ${state}`
      const { count, bytes } = sums.get(place) ?? { count: 0, bytes: 0 }
      sums.set(place, { firstSeq, lastSeq, state, count: count + 1, bytes: bytes + size })
    }
  return [...sums.values()]
}

type Span = Omit<ListedSpan, 'key' | 'lastSeq'> & { readonly lastSeq: number }

/** Rows of one package, those that overlap as one. */
function unite(rows: readonly ListedSpan[]): readonly Span[] {
  const united: Span[] = []
  for (const row of rows.toSorted((a, b) => a.firstSeq - b.firstSeq)) {
    const span: Span = { ...row, lastSeq: row.lastSeq ?? Number.MAX_SAFE_INTEGER }
    const before = united.at(-1)
    if (before === undefined || before.lastSeq < span.firstSeq) {
      united.push(span)
      continue
    }
    const lastSeq = Math.max(before.lastSeq, span.lastSeq)
    united[united.length - 1] = { ...before, lastSeq, state: Math.max(before.state, span.state) }
  }
  return united
}

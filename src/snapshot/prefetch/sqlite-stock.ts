import type Database from 'better-sqlite3'

import { sumDistinct, type ListedSpan } from '../arches/distinct-spans.ts'
import type { PackageSum } from '../departed/departed.ts'
import { runWrite } from '../write-transaction.ts'
import { pagesOf } from './package-pages.ts'
import type { StockStore } from './prefetch-store.ts'
import { preparePrefetch, type PrefetchStatements } from './sql-prefetch.ts'

/** Rows that may be passed by for each that counts: one that is looked for takes some eight times as long. */
const MAX_PASSED = 4

/** How much of each snapshot is cached, in the snapshots' database. */
export class SqliteStock implements StockStore {
  readonly #database: Database.Database
  readonly #statements: PrefetchStatements
  #last: Promise<void> = Promise.resolve()

  constructor(database: Database.Database) {
    this.#database = database
    this.#statements = preparePrefetch(database)
  }

  async recount(mirror: string, signal?: AbortSignal): Promise<void> {
    // One after the other: at a start there are many to be counted, and nobody waits for that.
    const counted = this.#last.then(() =>
      this.#recount(mirror, (mirrorId) => this.#readSpans(mirrorId, signal), signal),
    )
    this.#last = counted.catch(() => undefined)
    await counted
  }

  async recountAtOnce(mirror: string): Promise<void> {
    await this.#recount(mirror, (mirrorId) => this.#readSpansAtOnce(mirrorId))
  }

  async #recount(
    mirror: string,
    readSpans: (mirrorId: number) => Promise<readonly SpanRow[]>,
    signal?: AbortSignal,
  ): Promise<void> {
    const { newestArches, liveSnapshots, setCached } = this.#statements
    const mirrorId = this.#mirrorId(mirror)
    const newest = newestArches.get({ mirrorId }) as { arches: string | null } | undefined
    const isOfOne = typeof newest?.arches !== 'string'
    const all = await (isOfOne ? readSpans(mirrorId) : this.#readDistinct(mirrorId, signal))
    const snapshots = liveSnapshots.all({ mirrorId }) as { id: number; seq: number }[]
    const counted = snapshots.map(({ id, seq }) => {
      const listed = all.filter(({ firstSeq, lastSeq }) => firstSeq <= seq && (lastSeq ?? seq) >= seq)
      return { id, count: sum(listed, 'count'), bytes: sum(listed, 'bytes') }
    })
    const write = () => {
      for (const row of counted) setCached.run(row)
    }
    await runWrite(this.#database, write, { durable: false })
  }

  async #readSpans(mirrorId: number, signal?: AbortSignal): Promise<readonly SpanRow[]> {
    const { cachedSpans } = this.#statements
    const spans = new Map<string, SpanRow>()
    const read = (bounds: object) => cachedSpans.all(bounds) as SpanRow[]
    for await (const rows of pagesOf(this.#statements, mirrorId, read)) {
      signal?.throwIfAborted()
      for (const row of rows) addSpan(spans, row)
    }
    return [...spans.values()]
  }

  /**
   * After a first snapshot a mirror's rows lie together: a tenth of the time that looking for each takes. After the first of all nothing but
   * metadata is stored; a package that is also a file beside the metadata is counted with the next count.
   */
  async #readSpansAtOnce(mirrorId: number): Promise<readonly SpanRow[]> {
    const { extent, cachedSpansBetween, hasOnlyRepodata } = this.#statements
    if ((hasOnlyRepodata.get() as { isSo: number }).isSo === 1) return []
    const { first, last, count } = extent.get({ mirrorId }) as Extent
    const passed = (last ?? 0) - (first ?? 0)
    if (passed > MAX_PASSED * count) return await this.#readSpans(mirrorId)
    return cachedSpansBetween.all({ mirrorId, first, last }) as SpanRow[]
  }

  /** Only what is cached is held in memory: some 200 bytes for each. */
  async #readDistinct(mirrorId: number, signal?: AbortSignal): Promise<readonly SpanRow[]> {
    const { cachedRows } = this.#statements
    const found: ListedSpan[] = []
    const read = (bounds: object) => cachedRows.all(bounds) as ListedSpan[]
    for await (const rows of pagesOf(this.#statements, mirrorId, read)) {
      signal?.throwIfAborted()
      found.push(...rows)
    }
    return sumDistinct(found)
  }

  async counts(mirror?: string): Promise<ReadonlyMap<number, PackageSum>> {
    const { cachedOfMirror, cachedOfCurrent } = this.#statements
    const rows =
      mirror === undefined ? cachedOfCurrent.all() : cachedOfMirror.all({ mirrorId: this.#mirrorId(mirror) })
    return new Map((rows as (PackageSum & { id: number })[]).map(({ id, ...counts }) => [id, counts]))
  }

  /** That of no mirror is 0. */
  #mirrorId(mirror: string): number {
    return (this.#statements.mirrorId.get({ mirror }) as { id: number } | undefined)?.id ?? 0
  }
}

/** Where the rows of a mirror lie, other mirrors' among them. */
interface Extent {
  readonly first: number | null
  readonly last: number | null
  readonly count: number
}

interface SpanRow extends PackageSum {
  readonly firstSeq: number
  readonly lastSeq: number | null
}

function addSpan(spans: Map<string, SpanRow>, row: SpanRow): void {
  const key = `${row.firstSeq} ${row.lastSeq}`
  const { count = 0, bytes = 0 } = spans.get(key) ?? {}
  spans.set(key, { ...row, count: row.count + count, bytes: row.bytes + bytes })
}

function sum(rows: readonly SpanRow[], key: 'count' | 'bytes'): number {
  return rows.reduce((total, row) => total + row[key], 0)
}

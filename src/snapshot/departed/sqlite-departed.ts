import type Database from 'better-sqlite3'

import type { Digest } from '../../model/digest.ts'
import { sumDistinct, type ListedSpan, type SpanSum } from '../arches/distinct-spans.ts'
import { hashHref } from '../database.ts'
import { toArches } from '../rows.ts'
import { runWrite } from '../write-transaction.ts'
import type {
  Departure,
  DepartedCounts,
  DepartedQuery,
  DepartedState,
  DepartedStore,
  ListedFile,
  SnapshotPlace,
} from './departed.ts'
import { DepartedTotals, listArches, type ArchRow } from './departed-totals.ts'
import { prepareDeparted, type DepartedStatements } from './sql-departed.ts'

/** By their numbers in the database. */
const STATES: readonly DepartedState[] = ['cached', 'at_risk', 'lost']

const NONE = { count: 0, bytes: 0 }
/** No package is in any state. */
export const NO_DEPARTED: DepartedCounts = { cached: NONE, at_risk: NONE, lost: NONE }

/** Packages that left upstream, in the snapshots' database. */
export class SqliteDeparted implements DepartedStore {
  readonly #database: Database.Database
  readonly #statements: DepartedStatements
  readonly #farmNowMs: () => number
  readonly #totals: DepartedTotals

  /** @param farmNowMs the farm's clock, by which views end */
  constructor(database: Database.Database, farmNowMs: () => number) {
    this.#database = database
    this.#farmNowMs = farmNowMs
    this.#statements = prepareDeparted(database)
    this.#totals = new DepartedTotals(database)
  }

  async counts(): Promise<ReadonlyMap<string, DepartedCounts>> {
    const totals = Map.groupBy(this.#totals.read(), ({ mirrorId }) => mirrorId)
    const mirrors = this.#statements.mirrorNames.all() as { id: number; name: string }[]
    return new Map(
      mirrors.flatMap(({ id, name }): [string, DepartedCounts][] => {
        const own = totals.get(id)
        return own === undefined ? [] : [[name, own.reduce<DepartedCounts>(addSum, NO_DEPARTED)]]
      }),
    )
  }

  async countsBySnapshot(mirror: string): Promise<ReadonlyMap<string, DepartedCounts>> {
    const mirrorId = this.#mirrorId(mirror)
    const { liveSnapshots } = this.#statements
    const rows = this.#readSpans(mirrorId)
    const snapshots = liveSnapshots.all({ mirrorId }) as { seq: number; name: string }[]
    const counts = snapshots.map(({ seq, name }): [string, DepartedCounts] => {
      const listed = rows.filter(({ firstSeq, lastSeq }) => firstSeq <= seq && seq <= lastSeq)
      return [name, listed.reduce<DepartedCounts>(addSum, NO_DEPARTED)]
    })
    return new Map(counts)
  }

  async find({ mirrorId, seq }: SnapshotPlace, path: string): Promise<ListedFile | undefined> {
    const row = this.#statements.find.get({ mirrorId, hrefHash: hashHref(path), path, seq })
    return row === undefined ? undefined : toListedFile(row as FileRow)
  }

  async list(mirror: string, query: DepartedQuery): Promise<readonly ListedFile[]> {
    const { states, snapshot, isHeld = false, after = 0, limit = 100 } = query
    const mirrorId = this.#mirrorId(mirror)
    const newest = (this.#statements.newestArches.get({ mirrorId }) ?? { arches: null }) as ArchRow
    const rows = this.#statements.list.all({
      mirrorId,
      arches: listArches(newest),
      states: JSON.stringify(states.map((state) => STATES.indexOf(state))),
      seq: snapshot?.seq ?? null,
      heldAtMs: isHeld ? this.#farmNowMs() : null,
      after,
      limit,
    })
    return (rows as FileRow[]).map(toListedFile)
  }

  async recordLost(
    { mirrorId, packageId }: Pick<ListedFile, 'mirrorId' | 'packageId'>,
    atMs: number,
    answers: string,
  ): Promise<void> {
    const write = () => {
      const { changes } = this.#statements.markLost.run({ mirrorId, packageId })
      if (changes > 0) this.#statements.noteLost.run({ mirrorId, packageId, atMs, answers })
    }
    await runWrite(this.#database, write, { durable: false })
  }

  async forgetLost(mirror: string): Promise<void> {
    const mirrorId = this.#mirrorId(mirror)
    await runWrite(this.#database, () => this.#statements.forgetLost.run({ mirrorId }), { durable: false })
  }

  #readSpans(mirrorId: number): readonly SpanSum[] {
    const { spans, rows, newestArches } = this.#statements
    const newest = (newestArches.get({ mirrorId }) ?? { arches: null }) as ArchRow
    if (newest.arches === null) return spans.all({ mirrorId }) as SpanSum[]
    return sumDistinct(rows.all({ mirrorId, arches: listArches(newest) }) as ListedSpan[])
  }

  /** That of no mirror is 0. */
  #mirrorId(mirror: string): number {
    return (this.#statements.mirrorId.get({ mirror }) as { id: number } | undefined)?.id ?? 0
  }
}

interface SumRow {
  readonly state: number
  readonly count: number
  readonly bytes: number
}

function addSum(counts: DepartedCounts = NO_DEPARTED, { state, count, bytes }: SumRow): DepartedCounts {
  const name = STATES[state] ?? 'cached'
  const before = counts[name]
  return { ...counts, [name]: { count: before.count + count, bytes: before.bytes + bytes } }
}

interface FileRow extends Omit<ListedFile, 'size' | 'departure'> {
  readonly digest: Digest
  readonly size: number | null
  readonly state: number | null
  readonly lastSeq: number | null
  readonly leftAt: number | null
  readonly lastSnapshot: string | null
  readonly lastArches: string | null
  readonly isReplaced: number
  readonly askedAt: number | null
  readonly times: number | null
  readonly answers: string | null
}

function toListedFile(row: FileRow): ListedFile {
  const {
    size,
    state,
    lastSeq,
    leftAt,
    lastSnapshot,
    lastArches,
    isReplaced,
    askedAt,
    times,
    answers,
    ...listed
  } = row
  const file = { ...listed, size: size ?? undefined }
  if (state === null) return file
  const lost = askedAt === null ? undefined : { askedAt, times: times ?? 1, answers: answers ?? '' }
  const departure: Departure = {
    state: STATES[state] ?? 'at_risk',
    lastSeq: lastSeq ?? 0,
    leftAt: leftAt ?? undefined,
    lastSnapshot: lastSnapshot ?? undefined,
    ...(lastArches === null ? {} : { lastArches: toArches(lastArches) }),
    isReplaced: isReplaced === 1,
    lost,
  }
  return { ...file, departure }
}

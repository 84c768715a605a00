import { setImmediate as nextTurn } from 'node:timers/promises'

import type Database from 'better-sqlite3'
import { LRUCache } from 'lru-cache'

import { judgeSnapshots, type RetentionRules } from '../../model/retention.ts'
import { Sketch } from '../../model/sketch.ts'
import { DepartedTotals } from '../departed/departed-totals.ts'
import { runWrite } from '../write-transaction.ts'
import type {
  ChangeCounts,
  CheckQuery,
  CheckRun,
  CurrentSince,
  CurrentSpan,
  FarmHit,
  FarmMirror,
  FarmReader,
  FarmWriter,
  HeldByView,
  ListedSnapshot,
  ListedView,
  MirrorUseSummary,
  PackageHits,
  PackageQuery,
  SnapshotFetch,
  SnapshotMark,
  SnapshotStock,
  SyncCheck,
} from './farm.ts'
import {
  addDeparted,
  toChanges,
  toCheckRun,
  toCurrentSpan,
  toListedSnapshot,
  toMirror,
  toPackageSpan,
  toSnapshotFetch,
  type MirrorRow,
  type PackageRow,
  type SnapshotRow,
  type UseRow,
} from './farm-rows.ts'
import { sumByMirror, type MirrorDefects, type ToldDefect } from './mirror-defects.ts'
import { toSnapshotFacts, type HoldingRows, type SpanRow } from './snapshot-facts.ts'
import { prepareFarm, type FarmStatements } from './sql-farm.ts'

/** Mirrors read in one turn, of which each costs some ten look-ups: two milliseconds. */
const MIRRORS_AT_ONCE = 100
/** Mirrors in one turn where each costs up to a hundred rows. */
const HISTORIES_AT_ONCE = 20
/** Package rows of a mirror looked through in one turn: two or three milliseconds. */
const ROWS_AT_ONCE = 1_000
/** Package rows looked through in one turn in the order of the file, where few are of the name. */
const FILE_ROWS_AT_ONCE = 10_000
/** Marks of a mirror on a time axis: more could not be told apart. */
const MAX_MARKS = 500
const MAX_CURRENTS = 200
/** Views that are looked at for those that hold a mirror's snapshots. */
const VIEWS_LOOKED_AT = 200
const WEEK_MS = 7 * 86_400_000
/** How long looks upstream are remembered, in milliseconds, and how many of a mirror. */
const CHECKS_KEPT_MS = 14 * 86_400_000
const CHECKS_KEPT = 500
/** Beyond any hash of an href. */
const LAST_HASH = 2 ** 48

/** The clocks of views: the farm's and the system's, in milliseconds. */
interface FarmTime {
  nowMs(): number
  wallMs(): number
}

/** What pages about a farm are read from: the snapshots' database. */
export class SqliteFarm implements FarmReader, FarmWriter {
  readonly #database: Database.Database
  readonly #clock: () => FarmTime
  readonly #statements: FarmStatements
  readonly #departed: DepartedTotals
  /** How many mirrors were in the index, by generation: that does not change. */
  readonly #indexSizes = new LRUCache<number, number>({ max: 10_000 })
  #mirrors:
    { readonly revision: string; readonly sinceMs: number; readonly list: readonly FarmMirror[] } | undefined

  constructor(database: Database.Database, clock: () => FarmTime) {
    this.#database = database
    this.#clock = clock
    this.#statements = prepareFarm(database)
    this.#departed = new DepartedTotals(database)
  }

  revision(): string {
    const version = this.#database.pragma('data_version', { simple: true }) as number
    const { count } = this.#statements.totalChanges.get() as { count: number }
    return `${version}.${count}`
  }

  generation(): number {
    const { number } = this.#statements.newestGeneration.get() as { number: number | null }
    return number ?? 0
  }

  async mirrors(nowMs: number): Promise<readonly FarmMirror[]> {
    const revision = this.revision()
    const sinceMs = Math.floor(nowMs / 3_600_000) * 3_600_000 - WEEK_MS
    if (this.#mirrors?.revision === revision && this.#mirrors.sinceMs === sinceMs) return this.#mirrors.list
    const list: FarmMirror[] = []
    const defects = this.defects()
    for (let after = 0; ; await nextTurn()) {
      const part = this.#readMirrors(after, sinceMs, defects)
      list.push(...part)
      if (part.length < MIRRORS_AT_ONCE) break
      after = part.at(-1)?.id ?? after
    }
    list.sort((a, b) => (a.name < b.name ? -1 : 1))
    this.#mirrors = { revision, sinceMs, list }
    return list
  }

  defects(): ReadonlyMap<string, MirrorDefects> {
    return sumByMirror(this.#statements.defects.all() as (ToldDefect & { mirror: string })[])
  }

  async marks(
    mirrorIds: readonly number[],
    sinceMs: number,
  ): Promise<ReadonlyMap<number, readonly SnapshotMark[]>> {
    const read = (mirrorId: number) => {
      const rows = this.#statements.marks.all({ mirrorId, since: sinceMs, limit: MAX_MARKS })
      const marks = rows as (Omit<SnapshotMark, 'changed'> & { changed: number | null })[]
      return marks.toReversed().map(({ changed, ...mark }) => ({ ...mark, changed: changed ?? undefined }))
    }
    return await readEach(mirrorIds, read)
  }

  async hosts(mirrorIds: readonly number[], sinceMs: number): Promise<ReadonlyMap<number, number>> {
    const read = (mirrorId: number) =>
      (this.#statements.hosts.get({ mirrorId, since: sinceMs }) as { count: number }).count
    return await readEach(mirrorIds, read)
  }

  async countHosts(mirrorIds: readonly number[], sinceMs: number): Promise<number> {
    const clients = new Set<string>()
    await readEach(mirrorIds, (mirrorId) => {
      const rows = this.#statements.clients.all({ mirrorId, since: sinceMs }) as { client: string }[]
      for (const { client } of rows) clients.add(client)
    })
    return clients.size
  }

  async stocks(mirrorIds: readonly number[]): Promise<ReadonlyMap<number, SnapshotStock>> {
    return await readEach(mirrorIds, (mirrorId) => {
      const row = this.#statements.stock.get({ mirrorId }) as { count: number; newestAt: number | null }
      return { count: row.count, newestAt: row.newestAt ?? undefined }
    })
  }

  async snapshots(
    mirror: Pick<FarmMirror, 'id' | 'removedAt'>,
    rules: RetentionRules,
    nowMs: number,
  ): Promise<readonly ListedSnapshot[]> {
    const { holding, spans, viewGenerations, snapshots } = this.#statements
    const mirrorId = mirror.id
    const read = this.#database.transaction(() => ({
      rows: snapshots.all({ mirrorId }) as SnapshotRow[],
      mirror: holding.get({ mirrorId }) as HoldingRows['mirror'],
      spans: spans.all({ mirrorId }) as SpanRow[],
      views: viewGenerations.all({ farmMs: this.#clock().nowMs() }) as HoldingRows['views'],
    }))
    const { rows, ...held } = read()
    const facts = toSnapshotFacts(rows, held, rules.graceGenerations)
    const verdicts = judgeSnapshots(facts, rules, { removedAt: mirror.removedAt, nowMs })
    return rows.map((row, at) => toListedSnapshot(row, verdicts[at]?.reasons ?? []))
  }

  async changesOf(
    snapshots: readonly { readonly mirror: string; readonly name: string }[],
  ): Promise<ReadonlyMap<string, ChangeCounts>> {
    const found = new Map<string, ChangeCounts>()
    for (const { mirror, name } of snapshots) {
      const changes = toChanges((this.#statements.changes.get({ mirror, name }) ?? {}) as SnapshotRow)
      if (changes !== undefined) found.set(`${mirror} ${name}`, changes)
    }
    return found
  }

  async checks({ mirror, outcome, before, limit }: CheckQuery): Promise<readonly CheckRun[]> {
    const { checksOfFarm, checksOfMirror } = this.#statements
    const bounds = { outcome: outcome ?? null, before: before ?? Number.MAX_SAFE_INTEGER, limit }
    const rows = mirror === undefined ? checksOfFarm.all(bounds) : checksOfMirror.all({ ...bounds, mirror })
    return rows.map(toCheckRun)
  }

  async currents(mirrorId: number, sinceMs: number): Promise<readonly CurrentSince[]> {
    const rows = this.#statements.currents.all({ mirrorId, limit: MAX_CURRENTS }) as CurrentRow[]
    const found: CurrentSince[] = []
    for (const { snapshot, since, cause, until } of rows) {
      // It went out of the index: nothing was current until the next one.
      if (until !== null && found.at(-1)?.since !== until)
        found.push({ snapshot: undefined, since: until, cause })
      found.push({ snapshot, since, cause })
      if (since <= sinceMs) break
    }
    return found.toReversed()
  }

  async fetches(snapshotId: number): Promise<readonly SnapshotFetch[]> {
    return this.#statements.fetches.all({ snapshotId }).map(toSnapshotFetch)
  }

  async spans(
    { id, mirrorId }: { readonly id: number; readonly mirrorId: number },
    limit: number,
  ): Promise<readonly CurrentSpan[]> {
    return this.#statements.spansOfSnapshot.all({ id, mirrorId, limit }).map(toCurrentSpan)
  }

  async holders(mirrorId: number, limit: number): Promise<readonly HeldByView[]> {
    const clock = this.#clock()
    const times = { farmMs: clock.nowMs(), wallMs: clock.wallMs() }
    return this.#statements.holders.all({
      mirrorId,
      limit,
      looked: VIEWS_LOOKED_AT,
      ...times,
    }) as HeldByView[]
  }

  async packages(mirrorId: number, { text, name, seq, limit }: PackageQuery): Promise<PackageHits> {
    const { pageEnd, packages } = this.#statements
    const wanted = { mirrorId, text: text?.toLowerCase() ?? null, name: name ?? null, seq: seq ?? null }
    const found: PackageRow[] = []
    for (let after = { hash: -1, id: 0 }; ; await nextTurn()) {
      const from = { mirrorId, afterHash: after.hash, afterId: after.id }
      const end = pageEnd.get({ ...from, rows: ROWS_AT_ONCE - 1 }) as { hash: number; id: number } | undefined
      const bounds = { ...from, endHash: end?.hash ?? LAST_HASH, endId: end?.id ?? 0 }
      for (const row of packages.all({ ...wanted, ...bounds }) as PackageRow[]) found.push(row)
      if (end === undefined || found.length > limit)
        return { packages: found.slice(0, limit).map(toPackageSpan), isComplete: found.length <= limit }
      after = end
    }
  }

  async find(
    name: string,
    { after, limit, budgetMs }: { readonly after: number; readonly limit: number; readonly budgetMs: number },
  ): Promise<{ readonly hits: readonly FarmHit[]; readonly next: number | undefined }> {
    const { lastPackage, named } = this.#statements
    const { id: last } = lastPackage.get() as { id: number }
    const hits: FarmHit[] = []
    const startedAt = performance.now()
    for (let from = after; from < last; await nextTurn()) {
      const to = from + FILE_ROWS_AT_ONCE
      const rows = named.all({ name, after: from, to, limit: limit - hits.length }) as (FarmHit &
        PackageRow)[]
      for (const row of rows) hits.push({ ...row, size: row.size ?? undefined })
      if (hits.length >= limit) return { hits, next: rows.at(-1)?.id }
      from = to
      if (performance.now() - startedAt > budgetMs && from < last) return { hits, next: from }
    }
    return { hits, next: undefined }
  }

  async views({
    after,
    limit,
  }: {
    readonly after: string
    readonly limit: number
  }): Promise<readonly ListedView[]> {
    const clock = this.#clock()
    const times = { farmMs: clock.nowMs(), wallMs: clock.wallMs() }
    const rows = this.#statements.views.all({ after, limit, ...times }) as Omit<ListedView, 'snapshots'>[]
    const listed: ListedView[] = []
    for (const row of rows) {
      const isKnown = this.#indexSizes.has(row.generation)
      listed.push({ ...row, snapshots: this.#indexSize(row.generation) })
      if (!isKnown) await nextTurn()
    }
    return listed
  }

  async use({
    offset,
    limit,
    text,
  }: {
    readonly offset: number
    readonly limit: number
    readonly text: string
  }): Promise<{
    readonly mirrors: readonly MirrorUseSummary[]
    readonly total: number
  }> {
    const { use, useCount, agents } = this.#statements
    const pattern = text.toLowerCase()
    const { count: total } = useCount.get({ text: pattern }) as { count: number }
    const mirrors: MirrorUseSummary[] = []
    for (const row of use.all({ offset, limit, text: pattern }) as UseRow[]) {
      const { id, clients, firstSeen, lastSeen, ...summary } = row
      const names = (agents.all({ id }) as { agent: string }[]).map(({ agent }) => agent)
      const count = clients === null ? 0 : Sketch.from(clients).count()
      mirrors.push({
        ...summary,
        clients: count,
        agents: names,
        firstSeen: firstSeen ?? undefined,
        lastSeen: lastSeen ?? undefined,
      })
      if (mirrors.length % HISTORIES_AT_ONCE === 0) await nextTurn()
    }
    return { mirrors, total }
  }

  async recordCheck(check: SyncCheck): Promise<void> {
    const { mirror, startedAt, durationMs, outcome, actor, bytes } = check
    const [snapshot, reason] = [check.snapshot ?? null, check.reason ?? null]
    const { mirrorId, lastCheck, repeatCheck, addCheck, dropOldChecks, dropSurplusChecks } = this.#statements
    const write = () => {
      const row = mirrorId.get({ mirror }) as { id: number } | undefined
      if (row === undefined) return
      const last = lastCheck.get({ mirrorId: row.id }) as
        { id: number; outcome: string; reason: string | null } | undefined
      const repeats = outcome !== 'published' && last?.outcome === outcome && last.reason === reason
      if (repeats) repeatCheck.run({ id: last.id, startedAt, durationMs, actor, bytes })
      else addCheck.run({ mirrorId: row.id, startedAt, durationMs, outcome, actor, bytes, snapshot, reason })
      dropOldChecks.run({ mirrorId: row.id, before: startedAt - CHECKS_KEPT_MS })
      dropSurplusChecks.run({ mirrorId: row.id, keep: CHECKS_KEPT })
    }
    await runWrite(this.#database, write, { durable: false })
  }

  async recordChanges(snapshotId: number, changes: ChangeCounts): Promise<void> {
    const write = () => this.#statements.recordChanges.run({ id: snapshotId, ...changes })
    await runWrite(this.#database, write, { durable: false })
  }

  #readMirrors(
    after: number,
    replacedSince: number,
    defects: ReadonlyMap<string, MirrorDefects>,
  ): FarmMirror[] {
    const rows = this.#statements.mirrors.all({ after, replacedSince, limit: MIRRORS_AT_ONCE }) as MirrorRow[]
    const last = rows.at(-1)?.id ?? after
    const counts = addDeparted(this.#departed.read(after, last))
    return rows.map((row) => toMirror(row, counts.get(row.id), defects.get(row.name)))
  }

  #indexSize(generation: number): number {
    const known = this.#indexSizes.get(generation)
    if (known !== undefined) return known
    const { count } = this.#statements.indexSize.get({ generation }) as { count: number }
    this.#indexSizes.set(generation, count)
    return count
  }
}

interface CurrentRow {
  readonly snapshot: string
  readonly since: number
  readonly cause: string
  /** When the next generation began; null while it is current. */
  readonly until: number | null
}

async function readEach<T>(ids: readonly number[], read: (id: number) => T): Promise<Map<number, T>> {
  const found = new Map<number, T>()
  for (const [at, id] of ids.entries()) {
    if (at > 0 && at % HISTORIES_AT_ONCE === 0) await nextTurn()
    found.set(id, read(id))
  }
  return found
}

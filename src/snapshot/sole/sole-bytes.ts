import type Database from 'better-sqlite3'

import { judgeSnapshots, type RetentionRules } from '../../model/retention.ts'
import type { SnapshotRow } from '../farm/farm-rows.ts'
import { toSnapshotFacts, type HoldingRows, type SpanRow } from '../farm/snapshot-facts.ts'
import { readBlobs } from '../gc/blob-scan.ts'
import type { BlobTable } from '../gc/blob-table.ts'
import { prepareSole, type SoleStatements } from './sql-sole.ts'

/** What is asked; plain data, so that a thread can be given it. */
export interface SoleRequest {
  /** Of views: what a collection would free were one of them ended. Of mirrors: what it would, once all their snapshots may go. */
  readonly of: 'views' | 'mirrors'
  readonly rules: RetentionRules
  /** Milliseconds since the epoch. */
  readonly nowMs: number
  /** The farm's clock, by which views expire. */
  readonly farmNowMs: number
}

/** Names, and the bytes on disk that each holds alone; without those that hold none so. */
export type SoleBytes = readonly (readonly [name: string, bytes: number])[]

/** Rows that come in one value: a megabyte or two. */
const ROWS_AT_ONCE = 20_000
/** Of {@link BlobTable.own}: whatever else keeps a snapshot. */
const OTHERS = 0

interface MirrorRow {
  readonly id: number
  readonly name: string
  readonly removedAt: number | null
}

/**
 * Finds the bytes that each view, or mirror, holds alone. One pass over the packages, as a collection makes it, in a transaction that only
 * reads; none where nobody holds a snapshot alone.
 */
export function findSoleBytes(database: Database.Database, request: SoleRequest): SoleBytes {
  const statements = prepareSole(database)
  return database.transaction(() => {
    const holders = request.of === 'views' ? holdByView(statements, request) : holdByMirror(statements)
    if (holders.size === 0) return []
    statements.noteUniform.run()
    const blobs = readBlobs({ statements: statements.gc })
    ownPackages(statements, blobs)
    ownFiles(statements, blobs)
    return [...blobs.sumOwned()].map(([holder, bytes]) => [holders.get(holder) ?? '', bytes] as const)
  })()
}

function holdByMirror({ gc, live, hold }: SoleStatements): ReadonlyMap<number, string> {
  const rows = live.all() as { mirrorId: number; seq: number; snapshotId: number }[]
  for (const row of rows) hold.run({ ...row, holder: row.mirrorId })
  return new Map((gc.mirrors.all() as MirrorRow[]).map(({ id, name }) => [id, name]))
}

function holdByView(statements: SoleStatements, request: SoleRequest): ReadonlyMap<number, string> {
  const { gc, farm, hold, viewAt } = statements
  const { rules, nowMs, farmNowMs } = request
  const views = farm.viewGenerations.all({ farmMs: farmNowMs }) as HoldingRows['views']
  const holders = new Map<string, number>()
  for (const { id: mirrorId, removedAt } of gc.mirrors.all() as MirrorRow[]) {
    const rows = farm.snapshots.all({ mirrorId }) as SnapshotRow[]
    const spans = farm.spans.all({ mirrorId }) as SpanRow[]
    const mirror = farm.holding.get({ mirrorId }) as HoldingRows['mirror']
    const facts = toSnapshotFacts(rows, { mirror, spans, views }, rules.graceGenerations)
    // As if none had the one view that it has.
    const without = facts.map((one) => ({ ...one, views: one.views === 1 ? 0 : one.views }))
    const verdicts = judgeSnapshots(without, rules, { removedAt: removedAt ?? undefined, nowMs })
    for (const [at, { id, seq }] of rows.entries()) {
      const goes = verdicts[at]?.goes === true
      if (goes && facts[at]?.views === 0) continue
      const generation = goes ? generationHolding(id, spans, views) : undefined
      const view = generation === undefined ? undefined : viewAt.get({ generation, farmNowMs })
      const name = (view as { name: string } | undefined)?.name
      const holder = name === undefined ? OTHERS : (holders.get(name) ?? holders.size + 1)
      if (name !== undefined) holders.set(name, holder)
      hold.run({ mirrorId, seq, snapshotId: id, holder })
    }
  }
  return new Map([...holders].map(([name, holder]) => [holder, name]))
}

function generationHolding(
  snapshotId: number,
  spans: readonly SpanRow[],
  views: HoldingRows['views'],
): number | undefined {
  const own = spans.filter(({ id }) => id === snapshotId)
  const isIn = (generation: number) =>
    own.some(({ first, last }) => first <= generation && generation <= (last ?? Infinity))
  return views.find(({ generation }) => isIn(generation))?.generation
}

interface HeldPage {
  readonly holder: number
  readonly rows: Buffer
}

function ownPackages({ gc, heldPackages }: SoleStatements, blobs: BlobTable): void {
  const { id: last } = gc.lastPackage.get() as { id: number }
  for (let from = 1; from <= last; from += ROWS_AT_ONCE)
    for (const { holder, rows } of heldPackages.all({ from, to: from + ROWS_AT_ONCE - 1 }) as HeldPage[])
      blobs.own(rows, holder)
}

function ownFiles({ gc, heldFiles, heldExtras }: SoleStatements, blobs: BlobTable): void {
  for (const { id: mirrorId } of gc.mirrors.all() as MirrorRow[])
    for (const statement of [heldFiles, heldExtras])
      for (const { holder, rows } of statement.all({ mirrorId }) as HeldPage[]) blobs.own(rows, holder)
}

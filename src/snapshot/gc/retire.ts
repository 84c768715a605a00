import { judgeSnapshots, type RetentionVerdict, type SnapshotFacts } from '../../model/retention.ts'
import type { WallDoubt } from '../../model/wall-trust.ts'
import type { GcContext } from './gc-context.ts'
import type { GcSnapshot } from './gc-report.ts'
import type { GcStatements } from './sql-gc.ts'
import { runWrite } from '../write-transaction.ts'

/** Rows deleted in one transaction: some milliseconds' worth, which whoever else wants to write waits. */
const ROWS_AT_ONCE = 500
/** Rows looked through at a time. */
const ROWS_SEEN_AT_ONCE = 50_000

interface MirrorRow {
  readonly id: number
  readonly name: string
  readonly removedAt: number | null
  readonly unswept: number
}

type FactRow = Omit<SnapshotFacts, 'isCurrent' | 'wasCurrent' | 'isPinned' | 'isInGrace' | 'usedAt'> & {
  readonly id: number
  readonly name: string
  readonly isCurrent: number
  readonly wasCurrent: number
  readonly isPinned: number
  readonly isInGrace: number
  readonly usedAt: number | null
}

/** A snapshot with what is decided of it. */
export interface JudgedSnapshot extends GcSnapshot {
  readonly id: number
}

/** What would go now and what stays, of every mirror; changes nothing. */
export function planRetirement(context: GcContext, doubt: WallDoubt | undefined): JudgedSnapshot[] {
  const mirrors = context.statements.mirrors.all() as MirrorRow[]
  return mirrors.flatMap((mirror) => judge(context, mirror, doubt))
}

/**
 * Retires what is to go, a mirror at a time: looks and retires in one transaction, so that nothing which was pinned, frozen in a view
 * or made current meanwhile goes.
 */
export async function retireSnapshots(
  context: GcContext,
  doubt: WallDoubt | undefined,
): Promise<JudgedSnapshot[]> {
  const { statements, request, database } = context
  const all: JudgedSnapshot[] = []
  for (const mirror of statements.mirrors.all() as MirrorRow[]) {
    const planned = judge(context, mirror, doubt)
    if (!planned.some(({ goes }) => goes)) all.push(...planned)
    else {
      const retire = () => {
        const judged = judge(context, mirror, doubt)
        const going = judged.filter(({ goes }) => goes)
        for (const { id } of going) retireSnapshot(statements, id, request.nowMs)
        if (judged[0]?.goes === true) statements.forgetSeen.run({ mirrorId: mirror.id })
        if (going.length > 0) statements.markUnswept.run({ mirrorId: mirror.id })
        return judged
      }
      // Durable before the first blob goes: were the snapshot back after a power cut, the files that it lists would not be.
      all.push(...(await runWrite(database, retire, { durable: true })))
    }
  }
  return all
}

/** Deletes package rows that no snapshot lists any more, some at a time; returns their number. */
export async function sweepPackages({ statements, database }: GcContext): Promise<number> {
  const unswept = (statements.mirrors.all() as MirrorRow[]).filter((mirror) => mirror.unswept === 1)
  if (unswept.length === 0) return 0
  const { id: last } = statements.lastPackage.get() as { id: number }
  let swept = 0
  for (let from = 1; from <= last; from += ROWS_SEEN_AT_ONCE) {
    const to = from + ROWS_SEEN_AT_ONCE - 1
    const dead = statements.deadPackages.all({ from, to }) as { id: number }[]
    for (let at = 0; at < dead.length; at += ROWS_AT_ONCE) {
      const some = dead.slice(at, at + ROWS_AT_ONCE)
      const remove = () =>
        some.reduce((count, { id }) => count + statements.forgetPackage.run({ id }).changes, 0)
      swept += await runWrite(database, remove, { durable: false })
    }
  }
  for (const { id: mirrorId } of unswept)
    await runWrite(database, () => statements.markSwept.run({ mirrorId }), { durable: false })
  return swept
}

function retireSnapshot(statements: GcStatements, id: number, nowMs: number): void {
  statements.retire.run({ id, nowMs })
  statements.forgetFiles.run({ id })
  statements.forgetDefects.run({ id })
}

/** @param doubt nothing goes while the system's clock is not believed: by it everything may be too old, and unused for too long */
function judge(
  { statements, request }: GcContext,
  mirror: MirrorRow,
  doubt: WallDoubt | undefined,
): JudgedSnapshot[] {
  const { rules, nowMs, farmNowMs } = request
  const rows = statements.facts.all({
    mirrorId: mirror.id,
    farmNowMs,
    grace: rules.graceGenerations,
  }) as FactRow[]
  const verdicts = judgeSnapshots(rows.map(toFacts), rules, {
    removedAt: mirror.removedAt ?? undefined,
    nowMs,
  })
  return rows.map(({ id, name }, at) => {
    const { goes, reasons } = verdicts[at] as RetentionVerdict
    if (goes && doubt !== undefined)
      return {
        id,
        mirror: mirror.name,
        name,
        goes: false,
        reasons: reasons.map((one) => `${one}, by a clock in doubt`),
      }
    return { id, mirror: mirror.name, name, goes, reasons }
  })
}

function toFacts(row: FactRow): SnapshotFacts {
  return {
    createdAt: row.createdAt,
    views: row.views,
    isCurrent: row.isCurrent === 1,
    wasCurrent: row.wasCurrent === 1,
    isPinned: row.isPinned === 1,
    isInGrace: row.isInGrace === 1,
    usedAt: row.usedAt ?? undefined,
  }
}

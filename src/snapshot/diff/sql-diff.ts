import type Database from 'better-sqlite3'

// Statements that compare two snapshots. :names is a list of names and architectures as JSON. Both look at every row of the mirror: an index of what changed would be paid for by each sync.

const COLUMNS = 'p.name, p.epoch, p.version, p.release, p.arch, p.href, p.digest, p.size'
const IN_FROM = '(p.first_seq <= :fromSeq AND (p.last_seq IS NULL OR p.last_seq >= :fromSeq))'
const IN_TO = '(p.first_seq <= :toSeq AND (p.last_seq IS NULL OR p.last_seq >= :toSeq))'

const DIFF = {
  changedPackages: `SELECT ${COLUMNS}, ${IN_TO} AS come FROM package p
    WHERE p.mirror_id = :mirrorId AND ${IN_FROM} <> ${IN_TO}`,
  keptPackages: `SELECT ${COLUMNS} FROM package p
    WHERE p.mirror_id = :mirrorId AND ${IN_FROM} AND ${IN_TO} AND (p.name, p.arch) IN (
      SELECT value ->> 0, value ->> 1 FROM json_each(:names))`,
} as const

export type DiffStatements = Readonly<Record<keyof typeof DIFF, Database.Statement>>

/** Prepares what two snapshots are compared with. */
export function prepareDiff(database: Database.Database): DiffStatements {
  const prepared = Object.entries(DIFF).map(([name, text]) => [name, database.prepare(text)])
  return Object.fromEntries(prepared) as DiffStatements
}

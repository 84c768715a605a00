import type Database from 'better-sqlite3'

import type { ExtraFile } from '../../model/repodata.ts'
import { toArches } from '../rows.ts'
import type { ExtraCounts, ExtraStore, ListedExtra, SnapshotId } from './extra-store.ts'
import { prepareExtras, type ExtraStatements } from './sql-extras.ts'

/** Files beside the packages, in the snapshots' database. */
export class SqliteExtras implements ExtraStore {
  readonly #statements: ExtraStatements
  readonly #farmNowMs: () => number

  /** @param farmNowMs the farm's clock, by which views end */
  constructor(database: Database.Database, farmNowMs: () => number) {
    this.#statements = prepareExtras(database)
    this.#farmNowMs = farmNowMs
  }

  async counts({ id: snapshotId }: SnapshotId): Promise<ExtraCounts> {
    return this.#statements.counts.get({ snapshotId }) as ExtraCounts
  }

  async list({ id: snapshotId }: SnapshotId): Promise<readonly ExtraFile[]> {
    return this.#statements.list.all({ snapshotId }).map(toExtraFile)
  }

  async statedBy({ id: snapshotId }: SnapshotId, path: string): Promise<string | undefined> {
    const row = this.#statements.statedBy.get({ snapshotId, path }) as { statedBy: string | null } | undefined
    return row?.statedBy ?? undefined
  }

  async missing({ id: snapshotId }: SnapshotId, newerThan?: number): Promise<readonly ListedExtra[]> {
    return toListed(this.#statements.missing.all({ snapshotId, newerThan: newerThan ?? null }))
  }

  async atRisk(mirror: string, isHeld: boolean): Promise<readonly ListedExtra[]> {
    const { id: mirrorId } = (this.#statements.mirrorId.get({ mirror }) ?? { id: 0 }) as { id: number }
    const heldAtMs = isHeld ? this.#farmNowMs() : null
    return toListed(this.#statements.atRisk.all({ mirrorId, heldAtMs }))
  }

  async problems(): Promise<ReadonlyMap<string, readonly string[]>> {
    const problems = new Map<string, string[]>()
    for (const row of this.#statements.problems.all()) {
      const { mirror, path, message } = row as { mirror: string; path: string; message: string }
      problems.set(mirror, [...(problems.get(mirror) ?? []), `${path}: ${message}`])
    }
    return problems
  }
}

type Nullable<T> = { readonly [Key in keyof T]-?: T[Key] | null }

function toExtraFile(row: unknown): ExtraFile {
  const { path, digest, size, statedBy } = row as Nullable<ExtraFile> & Pick<ExtraFile, 'path' | 'digest'>
  return { path, digest, ...(size === null ? {} : { size }), ...(statedBy === null ? {} : { statedBy }) }
}

function toListed(rows: readonly unknown[]): readonly ListedExtra[] {
  return rows.map((row) => {
    const listed = row as Omit<ListedExtra, 'size' | 'arches'> & {
      readonly size: number | null
      readonly arches: string | null
    }
    return { ...listed, size: listed.size ?? undefined, arches: toArches(listed.arches) }
  })
}

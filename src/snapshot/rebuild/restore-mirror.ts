import type Database from 'better-sqlite3'

import type { BlobStore } from '../../cache/blob-store.ts'
import type { Digest } from '../../model/digest.ts'
import { joinArch, splitArch } from '../../model/arch.ts'
import { PinyonError, toPinyonError } from '../../model/errors.ts'
import type { PackageRecord } from '../../model/repodata.ts'
import { readPrimary } from '../../repodata/primary.ts'
import { isRow, type Row, type SnapshotLine } from '../inventory/inventory-format.ts'
import { writePackages } from '../package-changes.ts'
import { countPackages, writeStaged } from '../publication.ts'
import { OpenFile } from '../repodata-check.ts'
import { toArches } from '../rows.ts'
import type { ReadStatements } from '../sql.ts'
import type { CandidateFile } from '../store.ts'
import type { WholeMirror } from './lost-snapshots.ts'
import type { BrokenFile, LeftOut } from './rebuild-report.ts'
import { insertRow, type RebuildStatements } from './sql-rebuild.ts'

/** A repodata file that there is to be had. */
export type WantedFile = CandidateFile & { readonly digest: Digest }

/** What restoring a mirror works with. */
export interface RestoreContext {
  readonly database: Database.Database
  readonly statements: RebuildStatements
  readonly reads: ReadStatements
  /** Tables of the database whose rows belong to snapshots. */
  readonly belongings: readonly string[]
  readonly blobs: Pick<BlobStore, 'open'>
  /** Gives a path for a scratch database. */
  readonly scratchFile: () => string
  /** Sees that a file of a snapshot, of these architectures if it has several, is stored and right; gives the reason when it cannot be. */
  readonly obtain: (
    mirror: string,
    file: WantedFile,
    arches: readonly string[] | undefined,
  ) => Promise<string | undefined>
  readonly nowMs: number
  readonly onSnapshot: (done: number) => void
}

/** What was restored of a mirror. */
export interface RestoredMirror {
  readonly mirrorId: number
  /** The snapshots' rows by their names. */
  readonly ids: ReadonlyMap<string, number>
  readonly snapshots: number
  readonly retired: number
  readonly leftOut: readonly LeftOut[]
  readonly broken: readonly BrokenFile[]
}

/** A primary was read before, and its digest is right: it is not held against what repomd.xml says, so that this only is a bound, in bytes. */
const PRIMARY_BYTES = 2 ** 31

/** Restores a mirror: the rows that there were, and its packages, snapshot by snapshot, from the primaries of those that are not retired. */
export async function restoreMirror(context: RestoreContext, mirror: WholeMirror): Promise<RestoredMirror> {
  const restore = new Restore(context, mirror)
  for (const [at, line] of mirror.snapshots.entries()) {
    await restore.add(line)
    context.onSnapshot(at + 1)
  }
  if (restore.leftOut.length > 0) context.statements.forgetSeen.run({ mirrorId: restore.mirrorId })
  return restore
}

class Restore implements RestoredMirror {
  readonly mirrorId: number
  readonly ids = new Map<string, number>()
  readonly leftOut: LeftOut[] = []
  readonly broken: BrokenFile[] = []
  snapshots = 0
  retired = 0
  readonly #context: RestoreContext
  readonly #mirror: WholeMirror
  /** The primaries whose packages the rows are of by now, and what they come to. */
  #last: { readonly primaries: string; readonly counts: Row } | undefined

  constructor(context: RestoreContext, mirror: WholeMirror) {
    this.#context = context
    this.#mirror = mirror
    this.mirrorId = insertRow(context.database, 'mirror', mirror.mirror)
  }

  async add(line: SnapshotLine): Promise<void> {
    const { name, retired_at: retiredAt } = line.snapshot
    if (retiredAt !== null) {
      this.#insert(line, {})
      this.retired += 1
      return
    }
    const reason = this.#mirror.lost.has(name)
      ? 'what the inventory said of it is damaged or gone'
      : await this.#restore(line)
    if (reason === undefined) this.snapshots += 1
    else this.#leaveOut(line, reason)
  }

  /** Gives the reason when it cannot be. */
  async #restore(line: SnapshotLine): Promise<string | undefined> {
    const files = wantedFiles(line)
    const arches = archesOf(line)
    const reasons = new Map<WantedFile, string>()
    for (const file of files) {
      const reason = await this.#context.obtain(this.#mirror.mirror.name, file, arches)
      if (reason !== undefined) reasons.set(file, reason)
    }
    const primaries = files.filter(({ type }) => type === 'primary')
    if (primaries.length < (arches?.length ?? 1)) return 'the inventory names no primary of it'
    for (const primary of primaries) {
      const absent = reasons.get(primary)
      if (absent !== undefined) return `${primary.path}: ${absent}`
    }
    try {
      await this.#write(line, primaries)
    } catch (error) {
      const failure = toPinyonError(error)
      if (failure.code !== 'REPODATA_MALFORMED') throw error
      return failure.message
    }
    const { mirror } = this.#mirror
    for (const [{ path, digest }, reason] of reasons)
      if (!this.broken.some((one) => one.digest === digest && one.path === path))
        this.broken.push({ mirror: mirror.name, snapshot: line.snapshot.name, path, digest, reason })
    return undefined
  }

  /** The row, what belongs to it, and its packages, in one transaction. The same primary as before changes no package. */
  async #write(line: SnapshotLine, primaries: readonly WantedFile[]): Promise<void> {
    const { database, reads, blobs, scratchFile } = this.#context
    const arches = archesOf(line)
    const names = primaries
      .map(({ path, digest }) => `${arches === undefined ? '' : path} ${digest}`)
      .join('\n')
    if (this.#last?.primaries === names) {
      const { counts } = this.#last
      database.transaction(() => this.#insert(line, counts))()
      return
    }
    const staged = { database, reads, scratchFile: scratchFile() }
    const publication = { mirror: this.#mirror.mirror.name, packages: readPackages(blobs, primaries, arches) }
    const counts = await writeStaged(staged, publication, async () => (statements, climb) => {
      const found = countPackages(statements, { arches }, { mirrorId: this.mirrorId, keptParts: '' })
      const columns = { package_count: found.count, package_bytes: found.bytes, climb }
      this.#insert(line, columns)
      writePackages(statements, { mirrorId: this.mirrorId, seq: line.snapshot.seq })
      return columns
    })
    this.#last = { primaries: names, counts }
  }

  #insert({ snapshot, belongings }: SnapshotLine, columns: Row): void {
    const { database } = this.#context
    const row = { ...snapshot, ...columns, mirror_id: this.mirrorId }
    const snapshotId = insertRow(database, 'snapshot', row)
    for (const [table, rows] of Object.entries(belongings))
      if (this.#context.belongings.includes(table))
        for (const one of rows) insertRow(database, table, { ...one, snapshot_id: snapshotId })
    this.ids.set(snapshot.name, snapshotId)
  }

  /** Its name stays taken, and generations go on naming it. */
  #leaveOut({ snapshot }: SnapshotLine, reason: string): void {
    this.#insert({ snapshot: { ...snapshot, retired_at: this.#context.nowMs }, belongings: {} }, {})
    this.leftOut.push({ mirror: this.#mirror.mirror.name, snapshot: snapshot.name, reason })
  }
}

function wantedFiles({ belongings }: SnapshotLine): WantedFile[] {
  const rows = belongings['repodata_file'] ?? []
  return rows.flatMap((row) => {
    const columns = { path: 'string', type: 'string', digest: 'string', size: 'number' } as const
    return isRow(row, columns) ? [row as unknown as WantedFile] : []
  })
}

/** Where it has several: its column, as the inventory has it. */
function archesOf({ snapshot }: SnapshotLine): readonly string[] | undefined {
  const { arches = null } = snapshot
  return typeof arches === 'string' ? toArches(arches) : undefined
}

async function* readPackages(
  blobs: Pick<BlobStore, 'open'>,
  primaries: readonly WantedFile[],
  arches: readonly string[] | undefined,
): AsyncIterable<readonly PackageRecord[]> {
  for (const { path, type, digest } of primaries) {
    const arch = arches && splitArch(path, arches)?.arch
    const file = new OpenFile({ path, type, digest, openSize: PRIMARY_BYTES })
    try {
      for await (const { packages } of readPrimary(file.read(blobs)))
        yield arch === undefined
          ? packages
          : packages.map((one) => ({ ...one, href: joinArch(arch, one.href) }))
    } catch (error) {
      const { code, message, facts } = toPinyonError(error)
      throw new PinyonError(code, `${path}: ${message}`, { ...facts, cause: error })
    }
  }
}

import { setImmediate } from 'node:timers/promises'

import type Database from 'better-sqlite3'

import { formatSnapshotName } from '../../model/snapshot-name.ts'
import { removeFile } from '../../system/publish.ts'
import type { ListedPackage, PackagePage } from './listed-package.ts'
import { placeAdoption, type SnapshotSpan } from './adopt-place.ts'
import { openDatabase } from '../database.ts'
import { refreshIndex } from '../index-change.ts'
import { publish } from '../publication.ts'
import {
  ATTACH_ADOPTED,
  DETACH_ADOPTED,
  prepareAdopt,
  preparePackages,
  type AdoptStatements,
  type PackageStatements,
} from './sql-adopt.ts'
import { prepareReads, prepareWrites, type ReadStatements, type WriteStatements } from '../sql.ts'
import type {
  AdoptedSnapshots,
  Adoption,
  AdoptionCommit,
  Publication,
  PublishedSnapshot,
  Snapshot,
} from '../store.ts'
import { runWrite } from '../write-transaction.ts'

/** Packages in a page: about ten milliseconds of reading. */
const PAGE_ROWS = 1_000

interface AdoptionContext {
  readonly database: Database.Database
  readonly reads: ReadStatements
  readonly writes: WriteStatements
  /** Gives a path for each scratch database; removed afterwards, or swept when this process is gone. */
  readonly scratchFile: () => string
}

/**
 * Snapshots collected in a database of their own, of the same schema, and copied from there in one transaction: until then neither
 * rows nor locks of the real one are touched, however long it takes.
 */
export class SqliteAdoption implements Adoption {
  readonly #context: AdoptionContext
  readonly #mirror: string
  readonly #file: string
  readonly #collected: Database.Database
  readonly #reads: ReadStatements
  readonly #writes: WriteStatements

  constructor(context: AdoptionContext, mirror: string) {
    this.#context = context
    this.#mirror = mirror
    this.#file = context.scratchFile()
    this.#collected = openDatabase(this.#file)
    this.#reads = prepareReads(this.#collected)
    this.#writes = prepareWrites(this.#collected)
  }

  async add(publication: Publication): Promise<PublishedSnapshot> {
    const published = await publish(
      {
        database: this.#collected,
        reads: this.#reads,
        writes: this.#writes,
        scratchFile: this.#context.scratchFile(),
      },
      publication,
    )
    const { name } = published.snapshot
    if (name === formatSnapshotName(publication.nowMs)) return published
    throw new Error(`snapshots must be added in their order: ${name}`)
  }

  packages(): AsyncIterable<PackagePage> {
    const span = { firstSeq: 1, lastSeq: Number.MAX_SAFE_INTEGER }
    return pagePackages(preparePackages(this.#collected), this.#mirror, span)
  }

  packagesBetween(first: Snapshot, last: Snapshot): AsyncIterable<PackagePage> {
    const span = { firstSeq: first.seq, lastSeq: last.seq }
    return pagePackages(preparePackages(this.#context.database), this.#mirror, span)
  }

  async commit(options: AdoptionCommit): Promise<AdoptedSnapshots> {
    const { database } = this.#context
    database.prepare(ATTACH_ADOPTED).run(this.#file)
    try {
      const statements = prepareAdopt(database)
      return await runWrite(database, () => this.#write(statements, options), { durable: true })
    } finally {
      database.exec(DETACH_ADOPTED)
    }
  }

  async close(): Promise<void> {
    this.#collected.close()
    for (const suffix of ['', '-wal', '-shm']) await removeFile(`${this.#file}${suffix}`)
  }

  #write(statements: AdoptStatements, options: AdoptionCommit): AdoptedSnapshots {
    const { writes } = this.#context
    writes.addMirror.run({ name: this.#mirror })
    const { id: mirrorId } = writes.mirrorByName.get({ name: this.#mirror }) as { id: number }
    const adopted = toSpan(statements.adoptedSpan.get())
    if (adopted === undefined) throw new Error(`nothing was added for: ${this.#mirror}`)
    const place = placeAdoption(adopted, toSpan(statements.span.get({ mirrorId })))
    const { offset, seam } = place
    statements.addSnapshots.run({ mirrorId, offset, nowMs: options.nowMs })
    statements.addFiles.run({ mirrorId, offset })
    statements.addExtras.run({ mirrorId, offset })
    statements.addDefects.run({ mirrorId, offset })
    const rows = { mirrorId, offset, seam }
    if (place.side === 'before') {
      statements.joinFirst.run(rows)
      statements.addBefore.run(rows)
    } else {
      statements.closeLast.run({ mirrorId, seam })
      statements.joinLast.run({ mirrorId, offset })
      statements.addAfter.run(rows)
      statements.forgetSeen.run({ mirrorId })
    }
    statements.noteDeparted.run({ mirrorId })
    const { configured, nowMs, actor } = options
    if (!configured) statements.notConfigured.run({ mirrorId, nowMs })
    return { generation: refreshIndex(writes, nowMs, { cause: 'adopt', actor }) }
  }
}

function toSpan(row: unknown): SnapshotSpan | undefined {
  const span = row as SnapshotSpan | { firstSeq: null }
  return span.firstSeq === null ? undefined : span
}

async function* pagePackages(
  statements: PackageStatements,
  mirror: string,
  span: { readonly firstSeq: number; readonly lastSeq: number },
): AsyncIterable<PackagePage> {
  const row = statements.mirrorId.get({ mirror }) as { id: number } | undefined
  if (row === undefined) return
  const mirrorId = row.id
  const { count: total } = statements.packageCount.get({ mirrorId, ...span }) as { count: number }
  let after = { hrefHash: -1, digest: '' }
  for (;;) {
    const page = statements.packages.all({
      mirrorId,
      ...span,
      afterHash: after.hrefHash,
      afterDigest: after.digest,
      limit: PAGE_ROWS,
    }) as (ListedPackage & { hrefHash: number; size: number | null })[]
    yield {
      packages: page.map(({ href, digest, size }) => ({ href, digest, size: size ?? undefined })),
      total,
    }
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE_ROWS) return
    after = last
    await setImmediate()
  }
}

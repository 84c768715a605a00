import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import type Database from 'better-sqlite3'

import { DiskBlobStore } from '../../../src/cache/disk-blob-store.ts'
import { DiskInventory } from '../../../src/cache/disk-inventory.ts'
import { createLayout, temporaryPath, type Layout } from '../../../src/cache/layout.ts'
import { digestOf, type Digest } from '../../../src/model/digest.ts'
import { Sketch } from '../../../src/model/sketch.ts'
import { openDatabase } from '../../../src/snapshot/database.ts'
import type { GcRequest } from '../../../src/snapshot/gc/gc-context.ts'
import type { GcReport } from '../../../src/snapshot/gc/gc-report.ts'
import { collectGarbage } from '../../../src/snapshot/gc/gc.ts'
import { prepareGc } from '../../../src/snapshot/gc/sql-gc.ts'
import { SqliteSnapshotStore } from '../../../src/snapshot/sqlite-snapshot-store.ts'
import type { ListedMirror, Snapshot } from '../../../src/snapshot/store.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { createPackage, publishSimply } from '../publish-simply.ts'

/** In whose name files are written. */
export const PROCESS_ID = 'feedfacecafebeef'
const DAY_MS = 86_400_000

/** Retention under which everything older than a day goes. */
export const ONE_DAY = {
  keep: 100,
  maxAgeMs: DAY_MS,
  keepUsedMs: 0,
  graceGenerations: 0,
  removedMs: DAY_MS,
}

/** A data directory with a clock that only moves when told, in which collections are made. */
export class GcPlace {
  nowMs = Date.UTC(2026, 0, 1, 12)
  readonly dataDir: string
  readonly layout: Layout
  readonly store: SqliteSnapshotStore
  readonly blobs: DiskBlobStore
  /** What collections have told before they ended. */
  readonly decided: GcReport[] = []
  #scratch = 0
  #jumpedMs = 0

  constructor(t: TestContext, dataDir: string = tempDir(t)) {
    this.dataDir = dataDir
    this.layout = createLayout(dataDir)
    mkdirSync(this.layout.temporary, { recursive: true })
    const scratch = () => temporaryPath(this.layout, PROCESS_ID, 'scratch', (this.#scratch += 1))
    const now = () => this.nowMs
    const clock = () => ({
      wallMs: this.nowMs,
      monotonicMs: this.nowMs - this.#jumpedMs,
      uptimeMs: this.nowMs - this.#jumpedMs,
      bootId: 'boot',
    })
    this.store = new SqliteSnapshotStore(this.layout.database, scratch, { now, clock })
    t.after(() => this.store.close())
    const processes = { processId: PROCESS_ID, isAlive: () => true }
    this.blobs = new DiskBlobStore(this.layout, processes, { ledger: this.store.ledger })
  }

  /** Publishes packages of these hrefs and contents, and stores the repodata that go with them, as a sync does. */
  async publish(mirror: string, packages: Readonly<Record<string, string>>): Promise<Snapshot> {
    const records = Object.entries(packages).map(([href, content]) => createPackage(href, content))
    const text = `${mirror} ${JSON.stringify(packages)} ${this.nowMs}`
    const digest = await this.put(text)
    const files = [{ path: 'repodata/repomd.xml', type: 'repomd', digest, size: text.length }]
    const { snapshot } = await publishSimply(this.store, {
      mirror,
      packages: records,
      files,
      nowMs: this.nowMs,
      candidate: { fingerprint: digest },
    })
    return snapshot
  }

  /** Stores a package's blob: its digest is of `<href> <content>`. */
  async cache(href: string, content: string): Promise<Digest> {
    return await this.put(`${href} ${content}`)
  }

  async put(text: string): Promise<Digest> {
    const digest = digestOf(text)
    const writer = await this.blobs.create({ digest })
    await writer.write(Buffer.from(text))
    await writer.publish()
    await writer.close()
    return digest
  }

  async has(digest: Digest): Promise<boolean> {
    const blob = await this.blobs.open(digest)
    blob?.close()
    return blob !== undefined
  }

  /** Makes these the configured mirrors, all enabled. */
  async reconcile(mirrors: readonly ListedMirror[]): Promise<void> {
    await this.store.reconcile(mirrors, this.nowMs)
  }

  /** A client uses a snapshot now. */
  async use(mirror: string, name: string): Promise<void> {
    const snapshot = await this.store.snapshot(mirror, name)
    if (snapshot === undefined) throw new Error(`no such snapshot: ${mirror} ${name}`)
    const count = { requests: 1, bytes: 1, firstSeen: this.nowMs, lastSeen: this.nowMs }
    const tally = {
      snapshotId: snapshot.id,
      mirrorId: snapshot.mirrorId,
      clients: new Sketch(),
      agents: new Map(),
    }
    await this.store.usage.add({ snapshots: [{ ...count, ...tally }], clients: [] })
  }

  /** Collects as the thread does, on a connection of its own. */
  async collect(changes: Partial<GcRequest> = {}): Promise<GcReport> {
    const database = openDatabase(this.layout.database)
    try {
      return await this.#collectOn(database, database, changes)
    } finally {
      database.close()
    }
  }

  /** Collects, and dies at the transaction of this number: before it, in it, or right after it. False when there were not so many. */
  async collectUntil(number: number, changes: Partial<GcRequest> = {}): Promise<boolean> {
    const database = openDatabase(this.layout.database)
    try {
      await this.#collectOn(database, dyingDatabase(database, number), changes)
      return false
    } catch (error) {
      if (!(error instanceof Died)) throw error
      return true
    } finally {
      database.close()
    }
  }

  /** What a start does with files that a dead process left. */
  sweepTemporaries(): void {
    for (const name of readdirSync(this.layout.temporary)) rmSync(join(this.layout.temporary, name))
  }

  async #collectOn(
    database: Database.Database,
    writer: Database.Database,
    changes: Partial<GcRequest>,
  ): Promise<GcReport> {
    return await collectGarbage({
      database: writer,
      statements: prepareGc(database),
      inventory: new DiskInventory(this.layout, PROCESS_ID, 1_000_000),
      onRemoved: () => undefined,
      onDecided: (report) => void this.decided.push(report),
      request: {
        kind: 'collect',
        reconcile: true,
        rules: ONE_DAY,
        maxBytes: 1e12,
        neededBytes: 0,
        nowMs: this.nowMs,
        farmNowMs: this.nowMs - this.#jumpedMs,
        unlistedMs: 3_600_000,
        ...changes,
      },
    })
  }

  /** Every file below the blobs, temporary ones included. */
  files(): string[] {
    return readdirSync(this.layout.blobs, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
  }

  later(ms: number): void {
    this.nowMs += ms
  }

  /** Somebody sets the system's clock; no time passes. */
  jump(ms: number): void {
    this.nowMs += ms
    this.#jumpedMs += ms
  }
}

/** Stands for a process that was killed. */
class Died extends Error {}

/** A connection whose process dies at its transaction of this number. */
function dyingDatabase(database: Database.Database, number: number): Database.Database {
  let count = 0
  const transaction = (run: (...all: unknown[]) => unknown) =>
    Object.assign((...all: unknown[]) => database.transaction(run)(...all), {
      immediate: (...all: unknown[]) => {
        count += 1
        const dying = count === number
        if (dying && number % 3 === 0) throw new Died()
        const result = database
          .transaction(() => {
            const done = run(...all)
            // What it did to files stays; what it wrote does not.
            if (dying && number % 3 === 1) throw new Died()
            return done
          })
          .immediate()
        if (dying) throw new Died()
        return result
      },
    })
  return new Proxy(database, {
    get: (target, key) => {
      if (key === 'transaction') return transaction
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { DiskBlobStore } from '../../src/cache/disk-blob-store.ts'
import { DiskInventory } from '../../src/cache/disk-inventory.ts'
import { createLayout, temporaryPath, type Layout } from '../../src/cache/layout.ts'
import { digestOf, type Digest } from '../../src/model/digest.ts'
import { openDatabase } from '../../src/snapshot/database.ts'
import type { GcRequest } from '../../src/snapshot/gc-context.ts'
import type { GcReport } from '../../src/snapshot/gc-report.ts'
import { collectGarbage } from '../../src/snapshot/gc.ts'
import { prepareGc } from '../../src/snapshot/sql-gc.ts'
import { SqliteSnapshotStore } from '../../src/snapshot/sqlite-snapshot-store.ts'
import type { Snapshot } from '../../src/snapshot/store.ts'
import { tempDir } from '../support/temp-dir.ts'
import { createPackage, publishSimply } from './publish-simply.ts'

const PROCESS_ID = 'feedfacecafebeef'
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
  #scratch = 0

  constructor(t: TestContext, dataDir: string = tempDir(t)) {
    this.dataDir = dataDir
    this.layout = createLayout(dataDir)
    mkdirSync(this.layout.temporary, { recursive: true })
    const scratch = () => temporaryPath(this.layout, PROCESS_ID, 'scratch', (this.#scratch += 1))
    this.store = new SqliteSnapshotStore(this.layout.database, scratch, { now: () => this.nowMs })
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

  /** Collects as the thread does, on a connection of its own. */
  async collect(changes: Partial<GcRequest> = {}): Promise<GcReport> {
    const database = openDatabase(this.layout.database)
    try {
      return await collectGarbage({
        database,
        statements: prepareGc(database),
        inventory: new DiskInventory(this.layout, PROCESS_ID, 1_000_000),
        onRemoved: () => undefined,
        request: {
          kind: 'collect',
          reconcile: true,
          rules: ONE_DAY,
          maxBytes: 1e12,
          neededBytes: 0,
          nowMs: this.nowMs,
          farmNowMs: this.nowMs,
          unlistedMs: 3_600_000,
          ...changes,
        },
      })
    } finally {
      database.close()
    }
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
}

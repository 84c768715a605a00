import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { DiskBlobStore } from '../../src/cache/disk-blob-store.ts'
import { createLayout, temporaryPath } from '../../src/cache/layout.ts'
import type { Digest } from '../../src/model/digest.ts'
import type { PinyonError } from '../../src/model/errors.ts'
import { ingest } from '../../src/snapshot/ingest.ts'
import { MirrorList, type MirrorListOptions } from '../../src/snapshot/listing/mirror-list.ts'
import { SqliteSnapshotStore } from '../../src/snapshot/sqlite-snapshot-store.ts'
import type { Defect, Snapshot } from '../../src/snapshot/store.ts'
import { syncMirror, type SyncContext, type SyncResult } from '../../src/snapshot/sync.ts'
import { MirrorUpstream } from '../../src/upstream/mirror-upstream.ts'
import { placeNewDatabase } from '../support/new-database.ts'
import { tempDir } from '../support/temp-dir.ts'

/** 2026-01-01 00:00 UTC, where a mirror's clock begins; each sync is a minute later. */
const STARTED_AT = Date.UTC(2026, 0, 1)
const MINUTE_MS = 60_000
/** Linux's file system in memory. */
const MEMORY = '/dev/shm'
const PROCESS_ID = 'feedfacecafebeef'

/** How a mirror is set up; one attempt, without retries. */
export interface MirrorOptions {
  readonly baseurls: readonly string[]
  readonly strict?: boolean
  readonly allowOlder?: boolean
  /** Further tries of what fails; none unless told. */
  readonly retries?: number
  /** Where further sources are named. */
  readonly list?: Pick<MirrorListOptions, 'kind'> & { readonly url: string; readonly expireMs?: number }
}

/** One mirror with a data directory of its own, synced in this thread: what the server does, but for the ingest's thread. */
export class MirrorUnderTest {
  readonly dataDir: string
  readonly store: SqliteSnapshotStore
  readonly blobs: DiskBlobStore
  strict: boolean
  allowOlder: boolean
  readonly upstream: MirrorUpstream
  readonly list: MirrorList | undefined
  readonly #lists: MirrorUpstream
  readonly #spoolFile: () => string
  #syncs = 0

  constructor(dataDir: string, options: MirrorOptions) {
    const layout = createLayout(dataDir)
    mkdirSync(layout.temporary, { recursive: true })
    let scratch = 0
    this.dataDir = dataDir
    this.strict = options.strict ?? false
    this.allowOlder = options.allowOlder ?? false
    placeNewDatabase(layout.database)
    this.store = new SqliteSnapshotStore(layout.database, () =>
      temporaryPath(layout, PROCESS_ID, 'scratch', (scratch += 1)),
    )
    const processes = { processId: PROCESS_ID, isAlive: () => true }
    this.#spoolFile = () => temporaryPath(layout, PROCESS_ID, 'spool', 1)
    this.blobs = new DiskBlobStore(layout, processes, { ledger: this.store.ledger })
    const { baseurls } = options
    const how = { timeoutMs: 10_000, userAgent: 'test', sleep: async () => undefined }
    this.upstream = new MirrorUpstream({ ...how, baseurls, retries: options.retries ?? 0 })
    this.#lists = new MirrorUpstream({ ...how, baseurls: [options.list?.url ?? ''], retries: 0 })
    this.list = options.list && this.#createList(options.list)
  }

  /** When the last sync was, in milliseconds since the epoch. */
  get nowMs(): number {
    return STARTED_AT + this.#syncs * MINUTE_MS
  }

  /** Looks upstream once, as it is said elsewhere in `changes`. */
  async sync(changes: Partial<SyncContext> = {}): Promise<SyncResult> {
    this.#syncs += 1
    const { list, nowMs } = this
    return await syncMirror({
      mirror: 'm',
      strict: this.strict,
      allowOlder: this.allowOlder,
      upstream: this.upstream,
      ...(list === undefined ? {} : { refreshList: (signal) => list.refresh(signal) }),
      store: this.store,
      blobs: this.blobs,
      claims: { tryClaim: () => ({ note: () => {}, release: () => {} }) },
      ingest: (job) => ingest(job, { blobs: this.blobs, store: this.store, spoolFile: this.#spoolFile }),
      now: () => nowMs,
      signal: new AbortController().signal,
      ...changes,
    })
  }

  /** Syncs, expecting a new snapshot. */
  async publish(): Promise<Snapshot> {
    const result = await this.sync()
    if (result.outcome === 'published') return result.snapshot
    throw new Error(`expected a snapshot, the sync was: ${result.outcome}`, {
      cause: result.outcome === 'failed' ? result.error : undefined,
    })
  }

  /** Syncs, expecting a failure which leaves the newest snapshot, and the reason in the mirror's state. */
  async fail(): Promise<PinyonError> {
    const before = await this.store.snapshots('m')
    const result = await this.sync()
    assert.equal(result.outcome, 'failed')
    assert.deepEqual(await this.store.snapshots('m'), before)
    const [state] = await this.store.mirrors()
    assert.equal(state?.error, result.error.message)
    assert.equal(state?.checkedAt, STARTED_AT + this.#syncs * MINUTE_MS)
    return result.error
  }

  /** Syncs, expecting nothing new. */
  async expectUnchanged(): Promise<void> {
    const result = await this.sync()
    assert.equal(result.outcome, 'unchanged')
    const [state] = await this.store.mirrors()
    assert.deepEqual([state?.error, state?.checkedAt], [undefined, STARTED_AT + this.#syncs * MINUTE_MS])
  }

  /** Defects of a snapshot as `kind path`, the path's checksum prefix left out. */
  async defects(snapshot: Snapshot): Promise<string[]> {
    const defects = await this.store.defects(snapshot)
    return defects.map(({ kind, path }: Defect) => `${kind} ${path.replace(/[0-9a-f]{32,}-/, '')}`)
  }

  /** The bytes a snapshot has of each repodata file, by path; undefined for one that is answered 404. */
  async repodata(snapshot: Snapshot): Promise<Map<string, Buffer | undefined>> {
    const files = await this.store.files(snapshot)
    const read = files.map(async ({ path, digest }) => [path, digest && (await this.read(digest))] as const)
    return new Map(await Promise.all(read))
  }

  /** The bytes of a blob, which must be there. */
  async read(digest: Digest): Promise<Buffer> {
    const blob = await this.blobs.open(digest)
    assert.ok(blob !== undefined, `no blob: ${digest}`)
    try {
      const bytes = Buffer.alloc(blob.size)
      for (let at = 0; at < blob.size;) at += await blob.read(bytes.subarray(at), at)
      return bytes
    } finally {
      blob.close()
    }
  }

  /** Names of temporary files: none when nothing is under way. */
  temporaryFiles(): string[] {
    return readdirSync(createLayout(this.dataDir).temporary)
  }

  #createList({ kind, expireMs = 86_400_000 }: NonNullable<MirrorOptions['list']>): MirrorList {
    return new MirrorList({
      kind,
      variables: new Map(),
      expireMs,
      upstream: this.#lists,
      key: this.#lists.baseurls[0] ?? '',
      store: this.store.listings,
      now: () => this.nowMs,
      onListed: (baseurls, from) => this.upstream.list(baseurls, from),
    })
  }

  async close(): Promise<void> {
    await this.upstream.close()
    await this.#lists.close()
    await this.store.close()
  }
}

/** A mirror that is closed and removed when the test ends. */
export function openMirror(t: TestContext, options: MirrorOptions): MirrorUnderTest {
  const mirror = new MirrorUnderTest(tempDir(t), options)
  t.after(() => mirror.close())
  return mirror
}

/** As {@link tempDir}, in memory where the machine has such a place: for tests of very many syncs, which wait for the disk else. */
export function memoryDir(t: TestContext): string {
  if (!existsSync(MEMORY)) return tempDir(t)
  const dir = mkdtempSync(join(MEMORY, 'pinyon-test-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** The files below a repository's repodata directory, by path relative to the repository. */
export function readRepodata(dir: string): Map<string, Buffer> {
  const names = readdirSync(join(dir, 'repodata')).toSorted()
  return new Map(names.map((name) => [`repodata/${name}`, readFileSync(join(dir, 'repodata', name))]))
}

/** Changes a repository's repomd.xml as text. */
export function editRepomd(dir: string, edit: (text: string) => string): void {
  const file = join(dir, 'repodata/repomd.xml')
  const before = readFileSync(file, 'utf8')
  const after = edit(before)
  assert.notEqual(after, before, 'the edit changes nothing')
  writeFileSync(file, after)
}

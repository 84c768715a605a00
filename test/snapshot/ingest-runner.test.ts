import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { describe, test, type TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'

import { DiskBlobStore } from '../../src/cache/disk-blob-store.ts'
import { createLayout } from '../../src/cache/layout.ts'
import { digestOf, type Digest } from '../../src/model/digest.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { ReadyThread } from '../../src/snapshot/ready-thread.ts'
import { createThreadRunner, type InTurn, type ThreadRunner } from '../../src/snapshot/ingest-runner.ts'
import type { IngestJob } from '../../src/snapshot/ingest.ts'
import { SqliteSnapshotStore } from '../../src/snapshot/sqlite-snapshot-store.ts'
import type { PublishedSnapshot } from '../../src/snapshot/store.ts'
import { gate } from '../support/gate.ts'
import { tempDir } from '../support/temp-dir.ts'
import { formatElement, formatPrimary } from './primary-text.ts'

const PROCESS_ID = 'feedfacecafebeef'
const NEVER = new AbortController().signal
const MANY_PACKAGES = Array.from({ length: 30_000 }, (_, index) => formatElement(`package-${index}`))

/** A data directory in which threads ingest. */
class Bench {
  readonly store: SqliteSnapshotStore
  readonly #dataDir: string
  readonly #blobs: DiskBlobStore

  constructor(t: TestContext) {
    this.#dataDir = tempDir(t)
    const layout = createLayout(this.#dataDir)
    mkdirSync(layout.temporary, { recursive: true })
    this.store = new SqliteSnapshotStore(layout.database)
    const processes = { processId: PROCESS_ID, isAlive: () => true }
    this.#blobs = new DiskBlobStore(layout, processes, { ledger: this.store.ledger })
    t.after(() => this.store.close())
  }

  /** Stores a primary and gives the job of making a snapshot of it. */
  async createJob(mirror: string, primary: string): Promise<IngestJob> {
    const digest = digestOf(primary)
    const writer = await this.#blobs.create({ digest })
    await writer.write(Buffer.from(primary))
    await writer.publish()
    await writer.close()
    return createJob(mirror, digest)
  }

  createRunner(options: { maxHeapMb?: number; inTurn?: InTurn; early?: ReadyThread } = {}): ThreadRunner {
    return createThreadRunner({ dataDir: this.#dataDir, processId: PROCESS_ID, ...options })
  }

  async run(
    job: IngestJob,
    options: {
      signal?: AbortSignal
      onPackages?: (count: number) => void
      maxHeapMb?: number
      inTurn?: InTurn
      isPrepared?: boolean
    } = {},
  ): Promise<PublishedSnapshot> {
    const { signal = NEVER, onPackages = () => {}, isPrepared = false, ...rest } = options
    const run = this.createRunner(rest)
    if (isPrepared) run.prepare()
    try {
      return await run(job, { signal, onPackages })
    } finally {
      assert.deepEqual(readdirSync(createLayout(this.#dataDir).temporary), [], 'no scratch file stays')
    }
  }
}

function createJob(mirror: string, digest: Digest): IngestJob {
  const path = 'repodata/primary.xml'
  return {
    candidate: {
      mirror,
      fingerprint: digest,
      revision: undefined,
      files: [{ path, type: 'primary', digest, size: 1 }],
      defects: [],
      seen: { baseurl: 'http://u/', etag: undefined, lastModified: undefined, digest },
    },
    acceptedMissing: undefined,
    strict: false,
    checks: [{ path, type: 'primary', digest }],
    nowMs: 0,
  }
}

describe('an ingest in a thread', () => {
  test('publishes, and tells how far it is', async (t) => {
    const bench = new Bench(t)
    const counts: number[] = []
    const job = await bench.createJob('m', formatPrimary(MANY_PACKAGES))
    const { snapshot, added } = await bench.run(job, { onPackages: (count) => counts.push(count) })
    assert.deepEqual([snapshot.packageCount, added], [30_000, 30_000])
    assert.ok(counts.length > 10)
    assert.deepEqual(
      counts.toSorted((a, b) => a - b),
      counts,
    )
    assert.equal(counts.at(-1), 30_000)
    assert.deepEqual(await bench.store.snapshot('m', snapshot.name), snapshot)
  })

  test('runs when its turn has come', async (t) => {
    const bench = new Bench(t)
    const job = await bench.createJob('m', formatPrimary([formatElement('a')]))
    const turn = gate()
    let hasRun = false
    const inTurn = async <T>(work: () => Promise<T>) => {
      await turn.opened
      hasRun = true
      return await work()
    }
    const running = bench.run(job, { inTurn, isPrepared: true })
    assert.equal(hasRun, false)
    turn.open()
    assert.equal((await running).snapshot.packageCount, 1)
  })

  test('takes another thread when the one that was ready has waited for too long', async (t) => {
    const bench = new Bench(t)
    const job = await bench.createJob('m', formatPrimary([formatElement('a')]))
    const ended = t.mock.method(Worker.prototype, 'terminate')
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const run = bench.createRunner()
    run.prepare()
    t.mock.timers.tick(19_999)
    assert.equal(ended.mock.callCount(), 0)
    t.mock.timers.tick(1)
    assert.equal(ended.mock.callCount(), 1)
    const { snapshot } = await run(job, { signal: NEVER, onPackages: () => {} })
    assert.equal(snapshot.packageCount, 1)
  })

  test('fails with the error that it met, code and message', async (t) => {
    const bench = new Bench(t)
    const job = await bench.createJob('m', formatPrimary([formatElement('a')]).slice(0, -9))
    await assert.rejects(bench.run(job), (error: Error) => {
      assert.ok(error instanceof PinyonError)
      assert.deepEqual([error.code, error.facts], ['REPODATA_MALFORMED', {}])
      assert.match(error.message, /primary\.xml/)
      return true
    })
    const lost = createJob('m', digestOf('a blob that is not there'))
    await assert.rejects(bench.run(lost), { code: 'STORE_FAILED', message: /primary\.xml is gone: sha256:/ })
    assert.deepEqual(await bench.store.snapshots('m'), [])
  })

  test('that needs more memory than it may have fails alone', async (t) => {
    const bench = new Bench(t)
    // Its name's pieces are short, and what is kept of each is not.
    const large = `<package type="rpm"><name>${'<![CDATA[ab]]>'.repeat(1_100_000)}</name></package>`
    const job = await bench.createJob('m', formatPrimary([...MANY_PACKAGES.slice(0, 4_000), large]))
    let counted = 0
    await assert.rejects(bench.run(job, { maxHeapMb: 24, onPackages: (count) => (counted = count) }), {
      code: 'STORE_FAILED',
      message: /memory limit/,
    })
    assert.ok(counted > 0, 'it had begun to write packages down')
    const { snapshot } = await bench.run(await bench.createJob('m', formatPrimary(MANY_PACKAGES)))
    assert.equal(snapshot.seq, 1)
  })

  test('ends when it is aborted, before it begins and while it runs', async (t) => {
    const bench = new Bench(t)
    const job = await bench.createJob('m', formatPrimary(MANY_PACKAGES))
    const reason = new PinyonError('SHUTTING_DOWN', 'stopping')
    await assert.rejects(bench.run(job, { signal: AbortSignal.abort(reason) }), reason)
    const abort = new AbortController()
    const onPackages = () => abort.abort(reason)
    await assert.rejects(bench.run(job, { signal: abort.signal, onPackages }), reason)
    assert.deepEqual(await bench.store.snapshots('m'), [])
    assert.equal((await bench.run(job)).snapshot.packageCount, 30_000)
  })

  test('may have its thread started ahead, or in vain', async (t) => {
    const bench = new Bench(t)
    const job = await bench.createJob('m', formatPrimary([formatElement('a')]))
    assert.equal((await bench.run(job, { isPrepared: true })).snapshot.seq, 1)
    const runner = bench.createRunner()
    runner.prepare()
    runner.prepare()
    runner.release()
    runner.release()
    const other = await bench.createJob('n', formatPrimary([formatElement('b')]))
    assert.equal((await runner(other, { signal: NEVER, onPackages: () => {} })).snapshot.packageCount, 1)
    runner.prepare()
    const reason = new PinyonError('SHUTTING_DOWN', 'stopping')
    await assert.rejects(runner(job, { signal: AbortSignal.abort(reason), onPackages: () => {} }), reason)
    // A thread that waited on would keep this process from its end.
    runner.release()
  })

  test('takes the thread that was started before anything else, once', async (t) => {
    const bench = new Bench(t)
    const early = new ReadyThread()
    const { threadId } = early.start()
    const [one, other] = [bench.createRunner({ early }), bench.createRunner({ early })]
    const told = t.mock.method(Worker.prototype, 'postMessage')
    one.prepare()
    other.prepare()
    const [first, second] = told.mock.calls.map(({ this: worker }) => (worker as Worker).threadId)
    assert.equal(first, threadId)
    assert.notEqual(second, threadId)
    for (const [mirror, run] of [['m', one] as const, ['n', other] as const]) {
      const job = await bench.createJob(mirror, formatPrimary([formatElement('a')]))
      assert.equal((await run(job, { signal: NEVER, onPackages: () => {} })).snapshot.packageCount, 1)
    }
    assert.equal(told.mock.callCount(), 4)
    assert.equal(early.take(), undefined)
  })

  test('does not meet another one of the same process', async (t) => {
    const bench = new Bench(t)
    const jobs = await Promise.all(
      ['k', 'l', 'm', 'n'].map((mirror, index) =>
        bench.createJob(mirror, formatPrimary(MANY_PACKAGES.slice(index * 5_000, (index + 1) * 5_000))),
      ),
    )
    // Each by a runner of its own, as the server does.
    const runs = await Promise.allSettled(jobs.map((job) => bench.run(job).catch(ignoreScratchOfOthers)))
    assert.deepEqual(
      runs.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled'],
    )
    for (const [index, mirror] of ['k', 'l', 'm', 'n'].entries()) {
      const [snapshot] = await bench.store.snapshots(mirror)
      assert.ok(snapshot !== undefined)
      assert.equal(snapshot.packageCount, 5_000)
      assert.ok((await bench.store.file(snapshot, `Packages/package-${index * 5_000}.rpm`)) !== undefined)
    }
  })
})

function ignoreScratchOfOthers(error: Error): void {
  if (!(error instanceof assert.AssertionError)) throw error
}

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, test, type TestContext } from 'node:test'

import type { BlobWriter } from '../../src/cache/blob-store.ts'
import { digestOf } from '../../src/model/digest.ts'
import type { Growth } from '../../src/snapshot/capture-record.ts'
import { ingestAhead, type AheadJob } from '../../src/snapshot/ingest-ahead.ts'
import { createThreadRunner } from '../../src/snapshot/ingest-runner.ts'
import { ingest, type IngestJob } from '../../src/snapshot/ingest.ts'
import { ReadyThread } from '../../src/snapshot/ready-thread.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'
import { openMirror, type MirrorUnderTest } from './mirror-under-test.ts'
import { formatElement, formatPrimary } from './primary-text.ts'

const PATH = 'repodata/primary.xml'
const RIGHT = formatPrimary([formatElement('right'), formatElement('other')])
/** As many bytes, and other packages. */
const WRONG = RIGHT.replaceAll('right', 'wrong')

/** A primary that is fetched into a data directory, and what a thread is told of it. */
class Fetched {
  readonly mirror: MirrorUnderTest
  readonly told: (Growth | IngestJob)[] = []
  readonly job: IngestJob
  readonly bytes: Buffer
  /** How often a job was begun from its beginning. */
  restarts = 0

  constructor(t: TestContext, primary = RIGHT) {
    this.mirror = openMirror(t, { baseurls: ['http://127.0.0.1:1/'] })
    this.bytes = Buffer.from(primary)
    const digest = digestOf(primary)
    const file = { path: PATH, type: 'primary', digest }
    const seen = { baseurl: 'http://u/', etag: undefined, lastModified: undefined, digest }
    const files = [{ ...file, size: this.bytes.length }]
    this.job = {
      candidate: { mirror: 'm', fingerprint: digest, revision: undefined, files, defects: [], seen },
      acceptedMissing: undefined,
      strict: false,
      checks: [{ ...file, openChecksum: digest }],
      nowMs: Date.UTC(2026, 0, 1),
      localize: true,
    }
  }

  ahead(location: string, stated: Partial<AheadJob> = {}): AheadJob {
    const [primary = assert.fail()] = this.job.checks
    return { mirror: 'm', primary, size: this.bytes.length, location, ...stated }
  }

  /** An attempt to fetch it that has brought these bytes and goes on. */
  async attempt(bytes: Buffer | string): Promise<BlobWriter> {
    const writer = await this.mirror.blobs.create({ digest: digestOf(this.bytes) })
    await writer.write(Buffer.from(bytes))
    return writer
  }

  /** Stores it. */
  async store(writer?: BlobWriter): Promise<void> {
    const own = writer ?? (await this.attempt(this.bytes))
    await own.publish()
    await own.close()
  }

  async ingest(ahead: AheadJob) {
    const { blobs, store } = this.mirror
    const told = () => Promise.resolve(this.told.shift() ?? assert.fail('more was waited for than is told'))
    const context = { blobs, store }
    return await ingestAhead<IngestJob>(ahead, told, context, (job) => {
      this.restarts += 1
      return ingest(job, context)
    })
  }

  async names(): Promise<string[]> {
    const [snapshot = assert.fail('there is no snapshot')] = await this.mirror.store.snapshots('m')
    const files = ['right', 'wrong', 'other'].map(async (name) => {
      const file = await this.mirror.store.file(snapshot, `Packages/${name}.rpm`)
      return file === undefined ? [] : [name]
    })
    return (await Promise.all(files)).flat()
  }
}

function whole({ bytes }: Fetched): Growth {
  return { written: bytes.length, isVerified: true }
}

describe('a primary that is read while it is fetched', () => {
  test('is published by its job, of which it has the time', async (t) => {
    const fetched = new Fetched(t)
    const { bytes, job } = fetched
    const writer = await fetched.attempt(bytes.subarray(0, 100))
    const ahead = fetched.ahead(writer.location)
    const steps = [
      () => ({ written: 100, isVerified: false }),
      async () => {
        await writer.write(bytes.subarray(100))
        return { written: bytes.length, isVerified: false }
      },
      async () => {
        writer.verify()
        await fetched.store(writer)
        return { written: bytes.length, isVerified: true }
      },
      () => job,
    ]
    const counts: number[] = []
    const { store, blobs } = fetched.mirror
    const context = { store, blobs, onPackages: (count: number) => counts.push(count) }
    const told = async () => (await steps.shift()?.()) ?? assert.fail()
    const { snapshot } = await ingestAhead<IngestJob>(ahead, told, context, () => assert.fail())
    assert.deepEqual([snapshot.packageCount, snapshot.createdAt, counts], [2, job.nowMs, [2]])
    assert.deepEqual(await fetched.names(), ['right', 'other'])
    assert.deepEqual(fetched.mirror.temporaryFiles(), [])
  })

  const useless: [string, (fetched: Fetched) => Promise<AheadJob>][] = [
    [
      'was not found right',
      async (fetched) => {
        const { location } = await fetched.attempt(WRONG)
        fetched.told.push({ written: fetched.bytes.length, isVerified: false })
        return fetched.ahead(location)
      },
    ],
    [
      'cannot be read',
      async (fetched) => {
        const { location } = await fetched.attempt('nothing that is a primary'.padEnd(fetched.bytes.length))
        fetched.told.push(whole(fetched))
        return fetched.ahead(location)
      },
    ],
    [
      'broke off',
      async (fetched) => {
        const { location } = await fetched.attempt(fetched.bytes.subarray(0, 50))
        fetched.told.push({ written: 50, isVerified: false })
        return fetched.ahead(location)
      },
    ],
    [
      'is gone',
      async (fetched) => {
        const writer = await fetched.attempt(WRONG)
        await writer.close()
        fetched.told.push(whole(fetched))
        return fetched.ahead(writer.location)
      },
    ],
    [
      'is shorter than what was stored',
      async (fetched) => {
        const writer = await fetched.attempt(WRONG)
        fetched.told.push(whole(fetched))
        const { candidate } = fetched.job
        const files = candidate.files.map((file) => ({ ...file, size: file.size + 1 }))
        Object.assign(fetched.job, { candidate: { ...candidate, files } })
        return fetched.ahead(writer.location)
      },
    ],
    [
      'has another digest than the job',
      async (fetched) => {
        const { location } = await fetched.attempt(WRONG)
        fetched.told.push(whole(fetched))
        const { primary } = fetched.ahead(location)
        return fetched.ahead(location, { primary: { ...primary, digest: digestOf(WRONG) } })
      },
    ],
    [
      'is of another mirror',
      async (fetched) => {
        const { location } = await fetched.attempt(WRONG)
        fetched.told.push(whole(fetched))
        return fetched.ahead(location, { mirror: 'n' })
      },
    ],
  ]
  for (const [what, prepare] of useless)
    test(`and ${what} is read again, from what was stored`, async (t) => {
      const fetched = new Fetched(t)
      const ahead = await prepare(fetched)
      await fetched.store()
      fetched.told.push(fetched.job)
      const { snapshot } = await fetched.ingest(ahead)
      assert.deepEqual([fetched.restarts, snapshot.seq], [1, 1])
      assert.deepEqual(await fetched.names(), ['right', 'other'])
      assert.deepEqual(await fetched.mirror.store.snapshots('n'), [])
    })

  test('and leads elsewhere is left to its job, which says whether it is rewritten', async (t) => {
    const fetched = new Fetched(t, formatPrimary([formatElement('away', { base: 'http://elsewhere/' })]))
    const { location } = await fetched.attempt(fetched.bytes)
    const ahead = fetched.ahead(location)
    await fetched.store()
    fetched.told.push(whole(fetched), { ...fetched.job, localize: false })
    const { snapshot } = await fetched.ingest(ahead)
    assert.deepEqual(await fetched.mirror.defects(snapshot), [`base ${PATH}`])
    assert.equal(fetched.restarts, 1)
  })

  test('fails with its job where that refuses its defects, once', async (t) => {
    const fetched = new Fetched(t, RIGHT.replace('packages="2"', 'packages="3"'))
    const writer = await fetched.attempt(fetched.bytes)
    const ahead = fetched.ahead(writer.location)
    await fetched.store(writer)
    const reopened = await fetched.attempt(fetched.bytes)
    fetched.told.push(whole(fetched), { ...fetched.job, strict: true })
    await assert.rejects(fetched.ingest({ ...ahead, location: reopened.location }), {
      code: 'REPODATA_MALFORMED',
      message: /strict: .*packages="3"/,
    })
    await reopened.close()
    assert.equal(fetched.restarts, 0)
    assert.deepEqual(await fetched.mirror.store.snapshots('m'), [])
  })
})

describe('the thread that was started before anything else', () => {
  const PROCESS_ID = 'feedfacecafebeef'
  const NEVER = new AbortController().signal
  const OPTIONS = { signal: NEVER, onPackages: () => {} }

  function createRunner(dataDir: string, early?: ReadyThread) {
    const runner = createThreadRunner({ dataDir, processId: PROCESS_ID, early })
    runner.prepare()
    return runner
  }

  /** A mirror of two packages, which are published through that thread; tells what the thread was told. */
  async function startMirror(t: TestContext) {
    const dir = tempDir(t)
    writeSyntheticRepository(dir, { packages: [{ name: 'a' }, { name: 'b' }] })
    const upstream = await startUpstream(t, dir)
    const mirror = openMirror(t, { baseurls: [upstream.url] })
    const early = new ReadyThread()
    early.start()
    const runner = createRunner(mirror.dataDir, early)
    const publish = async (): Promise<unknown[]> => {
      const told = t.mock.method(Worker.prototype, 'postMessage')
      const result = await mirror.sync({ ingest: runner, readAhead: (ahead) => runner.readAhead(ahead) })
      assert.equal(result.outcome === 'published' && result.snapshot.packageCount, 2)
      return told.mock.calls.map(({ arguments: [message] }) => message)
    }
    return { upstream, mirror, publish }
  }

  test('reads one primary while it is fetched, other threads none', async (t) => {
    const fetched = new Fetched(t)
    const { dataDir } = fetched.mirror
    const early = new ReadyThread()
    early.start()
    const [first, other] = [createRunner(dataDir, early), createRunner(dataDir, early)]
    t.after(() => other.release())
    const writer = await fetched.attempt(fetched.bytes)
    const ahead = fetched.ahead(writer.location)
    assert.equal(other.readAhead(ahead), undefined)
    const grow = first.readAhead(ahead) ?? assert.fail('nobody reads')
    assert.equal(first.readAhead(ahead), undefined)
    grow({ written: fetched.bytes.length, isVerified: true })
    // What has read it does not miss the blob before it publishes.
    await assert.rejects(first(fetched.job, OPTIONS), { message: /its blob is gone before it was published/ })
    await writer.close()
  })

  test('leaves nothing when it ends without a job, and its primary to another one', async (t) => {
    const fetched = new Fetched(t)
    const { mirror } = fetched
    const early = new ReadyThread()
    const worker = early.start()
    const runner = createRunner(mirror.dataDir, early)
    const writer = await fetched.attempt(fetched.bytes)
    const grow = runner.readAhead(fetched.ahead(writer.location)) ?? assert.fail('nobody reads')
    grow({ written: 100, isVerified: false })
    const ended = once(worker, 'exit')
    runner.release()
    await ended
    grow({ written: fetched.bytes.length, isVerified: true })
    await fetched.store(writer)
    assert.equal((await runner(fetched.job, OPTIONS)).snapshot.packageCount, 2)
    assert.deepEqual(await fetched.names(), ['right', 'other'])
    assert.deepEqual(mirror.temporaryFiles(), [])
  })

  test('is not told that wrong bytes are right, and publishes those that came after', async (t) => {
    const { upstream, mirror, publish } = await startMirror(t)
    upstream.rules = [{ match: '-primary.xml.gz', flipByteAt: 20, times: 1 }]
    const told = await publish()
    const messages = told.map((message) => Object.keys(message as object))
    assert.deepEqual(
      messages.map((keys) =>
        keys.includes('location') ? 'ahead' : keys.includes('isVerified') ? 'growth' : 'job',
      ),
      ['ahead', 'job'],
    )
    assert.deepEqual(mirror.temporaryFiles(), [])
  })

  test('is told when all of it is there and right', async (t) => {
    const { mirror, publish } = await startMirror(t)
    const told = await publish()
    assert.equal((told[1] as Growth).isVerified, true)
    assert.deepEqual(mirror.temporaryFiles(), [])
  })
})

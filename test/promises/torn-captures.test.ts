import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { memoryDir, openMirror, readRepodata } from '../snapshot/mirror-under-test.ts'
import { signDetached } from '../support/detached-signature.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'
import { flipsAt, TornUpstreams, type SourceSchedule } from './torn-upstreams.ts'

// Promise 1 of design §3, with several sources: see scenario/torn-capture.test.ts for every interleaving of one.

/** What a sync may end with that an upstream in motion disturbed. */
const TROUBLE = ['REPODATA_MOVING', 'UPSTREAM_GONE', 'UPSTREAM_UNREACHABLE', 'UPSTREAM_STATUS']

const AT_REST: SourceSchedule = () => ({ generation: 1 })
const BOTH = [false, true]
const named = (simpleNames: boolean) => (simpleNames ? 'fixed file names' : 'file names with checksums')

/** Only one generation, or a failure that says that upstream moves: never a mixture. */
async function expectWhole(
  torn: TornUpstreams,
  dir: string,
  schedules: readonly SourceSchedule[],
  tally: Record<string, number>,
): Promise<void> {
  await torn.withMirror(dir, async (mirror) => {
    const { result } = await torn.sync(mirror, ...schedules)
    if (result.outcome === 'published') tally[await torn.generationOf(mirror, result)]! += 1
    else {
      assert.ok(result.outcome === 'failed')
      assert.ok(TROUBLE.includes(result.error.code), result.error.message)
      tally['failed']! += 1
    }
    // When upstream has come to rest, so does the mirror.
    const { result: last } = await torn.sync(mirror, AT_REST, AT_REST)
    if (last.outcome === 'published') assert.equal(await torn.generationOf(mirror, last), 1)
    else assert.equal(last.outcome, 'unchanged', JSON.stringify(last))
  })
}

describe('two sources out of step', () => {
  for (const simpleNames of BOTH) {
    test(`each publishes at any request, the other at any other: ${named(simpleNames)}`, async (t) => {
      const torn = await TornUpstreams.start(t, { sources: 2, simpleNames })
      const tally = { 0: 0, 1: 0, failed: 0 }
      for (let first = 0; first <= 10; first += 1)
        for (let second = 0; second <= 10; second += 1)
          await expectWhole(torn, memoryDir(t), [flipsAt(first), flipsAt(second)], tally)
      assert.ok(tally[0] > 0 && tally[1] > 0, JSON.stringify(tally))
    })

    test(`the first one dies at any request, and the other is behind or ahead: ${named(simpleNames)}`, async (t) => {
      const torn = await TornUpstreams.start(t, { sources: 2, simpleNames })
      const tally = { 0: 0, 1: 0, failed: 0 }
      for (const generation of [0, 1] as const)
        for (let at = 0; at <= 10; at += 1) {
          const dying: SourceSchedule = (request) => ({ generation, hangUp: request >= at })
          const other: SourceSchedule = () => ({ generation: generation === 0 ? 1 : 0 })
          await expectWhole(torn, memoryDir(t), [dying, other], tally)
        }
      assert.ok(tally[0] > 0 && tally[1] > 0, JSON.stringify(tally))
    })

    test(`any request finds the first one gone for once: ${named(simpleNames)}`, async (t) => {
      const torn = await TornUpstreams.start(t, { sources: 2, simpleNames })
      const tally = { 0: 0, 1: 0, failed: 0 }
      for (let at = 0; at <= 10; at += 1) {
        const stumbling: SourceSchedule = (request) => ({
          generation: 0,
          ...(request === at ? { status: 503 } : {}),
        })
        await expectWhole(torn, memoryDir(t), [stumbling, () => ({ generation: 1 })], tally)
      }
      assert.ok(tally[0] > 0, JSON.stringify(tally))
    })
  }

  test('answer in turn, as behind one name: one generation or none', async (t) => {
    const torn = await TornUpstreams.start(t, { sources: 1 })
    const tally = { 0: 0, 1: 0, failed: 0 }
    for (let period = 1; period <= 8; period += 1)
      for (let offset = 0; offset < period; offset += 1) {
        const turning: SourceSchedule = (request) => ({
          generation: Math.floor((request + offset) / period) % 2 === 0 ? 0 : 1,
        })
        await expectWhole(torn, memoryDir(t), [turning], tally)
      }
    assert.ok(tally.failed > 0, JSON.stringify(tally))
  })
})

async function setUp(t: TestContext) {
  const dir = tempDir(t)
  const repomd = () => readFileSync(join(dir, 'repodata/repomd.xml'))
  const sign = (bytes = repomd()) => writeFileSync(join(dir, 'repodata/repomd.xml.asc'), signDetached(bytes))
  const publish = (name: string, revision: number) => {
    writeSyntheticRepository(dir, { packages: [{ name }], revision, withoutFiles: true })
  }
  publish('a', 1_600_000_000)
  const upstream = await startUpstream(t, dir)
  return { dir, upstream, repomd, sign, publish, mirror: openMirror(t, { baseurls: [upstream.url] }) }
}

describe('repomd.xml and its signature of different generations', () => {
  test('are waited for: the last snapshot stays, with the reason, until the signature has come', async (t) => {
    const { dir, mirror, repomd, sign, publish } = await setUp(t)
    sign()
    await mirror.publish()
    const late = repomd()
    publish('b', 1_600_000_001)
    sign(late)
    assert.match(
      (await mirror.fail()).message,
      /repomd\.xml\.asc: in 3 tries it was the signature of another repomd\.xml/,
    )
    sign()
    assert.deepEqual(await mirror.repodata(await mirror.publish()), readRepodata(dir))
  })

  test('are never published together: at first, the signature is left out and flagged', async (t) => {
    const { upstream, mirror, sign } = await setUp(t)
    sign(Buffer.from('another repomd.xml'))
    const snapshot = await mirror.publish()
    assert.deepEqual(await mirror.defects(snapshot), ['missing repodata/repomd.xml.asc'])
    assert.equal((await mirror.store.file(snapshot, 'repodata/repomd.xml.asc'))?.digest, undefined)
    assert.equal(upstream.count('.asc'), 4, 'read with the files, and in three tries')
  })

  test('may be in one sync and not in the next try', async (t) => {
    const { dir, upstream, mirror, repomd, sign, publish } = await setUp(t)
    sign()
    await mirror.publish()
    const late = repomd()
    publish('b', 1_600_000_001)
    sign(late)
    upstream.rules = [
      { match: '.asc', times: 2 },
      { match: '.asc', before: () => sign() },
    ]
    assert.deepEqual(await mirror.repodata(await mirror.publish()), readRepodata(dir))
  })

  test('that cannot be told, of an unknown kind, are taken as they are', async (t) => {
    const { dir, mirror } = await setUp(t)
    writeFileSync(join(dir, 'repodata/repomd.xml.asc'), '-----BEGIN PGP SIGNATURE-----\nof what?')
    assert.deepEqual(await mirror.repodata(await mirror.publish()), readRepodata(dir))
  })
})

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { digestOf } from '../../src/model/digest.ts'
import type { PackageRecord } from '../../src/model/repodata.ts'
import type { KeptArches } from '../../src/snapshot/arches/kept-arches.ts'
import { mergeCandidates } from '../../src/snapshot/arches/merge-candidates.ts'
import type { Candidate, SeenRepomd, SnapshotStore } from '../../src/snapshot/store.ts'
import { NOON, createPackage, inBatches } from '../snapshot/publish-simply.ts'
import { SIGNATURE } from './keys.ts'

function seenOf(arch: string, etag?: string): SeenRepomd {
  return {
    baseurl: `http://h/${arch}/`,
    named: 'public',
    etag,
    lastModified: undefined,
    digest: digestOf(arch),
  }
}

function candidateOf(arch: string, more: Partial<Candidate> = {}): Candidate {
  return {
    mirror: 'm',
    fingerprint: digestOf(arch),
    revision: '1',
    files: [{ path: 'repodata/repomd.xml', type: 'repomd', digest: digestOf(arch), size: 1 }],
    defects: [],
    extras: [{ path: 'images/vmlinuz', digest: digestOf(arch) }],
    ...more,
  }
}

/** What a store does with snapshots of several architectures. */
export function describeArches(open: (t: TestContext) => SnapshotStore): void {
  test('a snapshot of several architectures has files, signatures and what was seen of each', async (t) => {
    const store = open(t)
    await store.reconcile([{ name: 'm' }], NOON)
    const publish = async (candidate: Candidate, hrefs: readonly string[], minutes: number) =>
      (
        await store.publish({
          mirror: 'm',
          packages: inBatches(
            hrefs.map((href) => createPackage(href)),
            1,
          ),
          complete: async () => candidate,
          nowMs: NOON + minutes * 60_000,
        })
      ).snapshot
    const both = mergeCandidates('m', [
      {
        arch: 'x86_64',
        candidate: candidateOf('x86_64', { seen: seenOf('x86_64', '"1"'), xmlBase: 'left' }),
      },
      {
        arch: 'aarch64',
        candidate: candidateOf('aarch64', { seen: seenOf('aarch64'), signature: SIGNATURE }),
      },
    ])
    const first = await publish(both, ['x86_64/a', 'aarch64/../../b'], 0)
    assert.deepEqual(
      [first.arches, first.climb, first.xmlBase, first.revision],
      [['aarch64', 'x86_64'], 2, 'left', '1'],
    )
    assert.deepEqual(await store.snapshot('m', first.name), first)
    assert.deepEqual((await store.index()).current.get('m'), first)
    assert.equal((await store.file(first, 'x86_64/a'))?.kind, 'package')
    assert.equal((await store.file(first, 'aarch64/../../b'))?.kind, 'package')
    assert.equal((await store.file(first, 'aarch64/repodata/repomd.xml'))?.digest, digestOf('aarch64'))
    assert.equal(await store.file(first, 'repodata/repomd.xml'), undefined)
    assert.deepEqual(
      (await store.extras.list(first)).toSorted((a, b) => (a.path < b.path ? -1 : 1)),
      ['aarch64', 'x86_64'].map((arch) => ({ path: `${arch}/images/vmlinuz`, digest: digestOf(arch) })),
    )
    assert.deepEqual(await store.arches(first), [
      { arch: 'aarch64', fingerprint: digestOf('aarch64'), revision: '1', xmlBase: undefined },
      { arch: 'x86_64', fingerprint: digestOf('x86_64'), revision: '1', xmlBase: 'left' },
    ])
    assert.deepEqual(await store.signature(first, 'aarch64'), SIGNATURE)
    assert.equal(await store.signature(first, 'x86_64'), undefined)
    assert.equal(await store.signature(first), undefined)
    await store.recordSignature(first, { ...SIGNATURE, owner: 'other' }, 'x86_64')
    assert.equal((await store.signature(first, 'x86_64'))?.owner, 'other')
    assert.equal(await store.seenRepomd('m'), undefined)
    const seen = async () => Object.fromEntries(await store.seenArches('m'))
    const tell = (arch: string, etag?: string) => JSON.parse(JSON.stringify(seenOf(arch, etag))) as SeenRepomd
    assert.deepEqual(await seen(), { aarch64: tell('aarch64'), x86_64: tell('x86_64', '"1"') })
    const checked = { mirror: 'm', checkedAt: NOON, error: undefined }
    await store.recordSync({ ...checked, seenArches: new Map([['aarch64', seenOf('aarch64', '"2"')]]) })
    assert.deepEqual(await seen(), { aarch64: tell('aarch64', '"2"'), x86_64: tell('x86_64', '"1"') })

    // What shows nothing new keeps what was seen, what is no more is forgotten.
    const one = mergeCandidates('m', [{ arch: 'aarch64', candidate: candidateOf('aarch64') }])
    const second = await publish(one, ['aarch64/../../b'], 1)
    assert.deepEqual(await seen(), { aarch64: tell('aarch64', '"2"') })
    assert.notEqual(second.fingerprint, first.fingerprint)
    assert.deepEqual(
      (await store.snapshots('m')).map(({ arches }) => arches),
      [['aarch64'], ['aarch64', 'x86_64']],
    )
    assert.deepEqual(await store.snapshot('m', first.name), first)
  })

  test('an architecture that stays what it is keeps its packages unread, and what several have counts once', async (t) => {
    const store = open(t)
    await store.reconcile([{ name: 'm' }], NOON)
    const publish = async (hrefs: readonly string[], minutes: number, kept?: KeptArches) =>
      await store.publish({
        mirror: 'm',
        packages: inBatches(hrefs.map(toShared), 2),
        complete: async () =>
          mergeCandidates(
            'm',
            ['aarch64', 'x86_64'].map((arch) => ({ arch, candidate: candidateOf(arch) })),
          ),
        nowMs: NOON + minutes * 60_000,
        ...(kept === undefined ? {} : { kept }),
      })
    const first = await publish(['aarch64/../../docs', 'aarch64/app', 'x86_64/docs', 'x86_64/app'], 0)
    assert.deepEqual([first.added, first.removed], [3, 0])
    assert.deepEqual([first.snapshot.packageCount, first.snapshot.packageBytes], [3, 3])
    const kept = { snapshotId: first.snapshot.id, arches: ['aarch64'] }
    const second = await publish(['x86_64/docs', 'x86_64/new'], 1, kept)
    assert.deepEqual([second.added, second.removed], [1, 1])
    assert.deepEqual([second.snapshot.packageCount, second.snapshot.climb], [3, 2])
    for (const [path, isListed] of [
      ['aarch64/app', true],
      ['aarch64/../../docs', true],
      ['x86_64/new', true],
      ['x86_64/app', false],
    ] as const)
      assert.equal((await store.file(second.snapshot, path)) !== undefined, isListed, path)
    // What is kept is that of the newest snapshot, or nothing is published.
    await assert.rejects(publish([], 2, kept), { code: 'REPODATA_MOVING' })
    assert.equal((await store.snapshots('m')).length, 2)
    // What has no architecture and is still listed by one of them has not left, whoever dropped it.
    const dropped = await publish(['x86_64/new', 'x86_64/docs', 'aarch64/app', 'aarch64/docs'], 2)
    await publish(['x86_64/new', 'aarch64/app', 'aarch64/docs'], 3)
    const counts = (await store.departed.counts()).get('m')
    // The application of x86_64, and the one that was beside the repository.
    assert.equal(counts?.at_risk.count, 2)
    const listed = await store.departed.list('m', { states: ['at_risk'] })
    assert.deepEqual(listed.map(({ href }) => href).toSorted(), ['aarch64/../../docs', 'x86_64/app'])
    assert.equal((await store.departed.countsBySnapshot('m')).get(dropped.snapshot.name)?.at_risk.count, 0)
    // All that left both is one package that left.
    const third = await publish(['x86_64/new', 'aarch64/app'], 4)
    assert.deepEqual([third.removed, third.snapshot.climb], [1, 0])
    assert.equal((await store.departed.counts()).get('m')?.at_risk.count, 2)
    const bySnapshot = await store.departed.countsBySnapshot('m')
    assert.deepEqual(
      [first, second, third].map(({ snapshot }) => bySnapshot.get(snapshot.name)?.at_risk.count),
      [2, 1, 0],
    )
    assert.equal((await store.farm.mirrors(NOON)).find(({ name }) => name === 'm')?.departed.at_risk.count, 2)
  })
}

/** A package that is the same wherever it has this name, unless it is an application. */
function toShared(href: string): PackageRecord {
  const own = createPackage(href)
  return own.name === 'docs' ? { ...own, checksum: digestOf('docs') } : own
}

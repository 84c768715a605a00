import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import * as fc from 'fast-check'

import { digestOf, type Digest } from '../../src/model/digest.ts'
import { formatNevra } from '../../src/model/nevra.ts'
import type { PackageRecord } from '../../src/model/repodata.ts'
import { classifyPackages } from '../../src/snapshot/diff/diff.ts'
import type { SnapshotStore } from '../../src/snapshot/store.ts'
import { diffNaively, toLines } from '../snapshot/naive-diff.ts'
import { publishSimply } from '../snapshot/publish-simply.ts'

const RUNS = 60

/** A repository's state: which hrefs are there, each any of a few packages, so that duplicates and moves happen. */
const somePackage = fc.record({
  name: fc.constantFrom('a', 'b'),
  arch: fc.constantFrom('noarch', 'src'),
  epoch: fc.constantFrom('0', '0', '1'),
  version: fc.constantFrom('1', '2', '2~rc1', '10'),
  content: fc.constantFrom('x', 'y', 'long', 'sha1'),
})
const someState = fc.array(fc.option(somePackage), { minLength: 7, maxLength: 7 }).map((places) =>
  places.flatMap((place, index): PackageRecord[] => {
    if (place === null) return []
    const { content, ...nevra } = place
    // Bytes are of one package: what has another name or version cannot have the same.
    const bytes = `${Object.values(nevra).join(' ')} ${content}`
    const checksum: Digest = digestOf(bytes, content === 'sha1' ? 'sha1' : 'sha256')
    return [{ ...nevra, release: '1', href: `P/${index}`, checksum, size: content.length }]
  }),
)

/** Of several files of one name and version, a sync looks at those that changed, a diff at all. */
function hasDuplicates(state: readonly PackageRecord[] = []): boolean {
  return new Set(state.map(formatNevra)).size < state.length
}

/** The part of the contract about in what two snapshots differ. */
export function describeDifferences(open: (t: TestContext) => SnapshotStore): void {
  test('any two snapshots of any history differ as their whole lists do, and a sync flags what its diff flags', async (t) => {
    const store = open(t)
    let run = 0
    const property = fc.asyncProperty(fc.array(someState, { minLength: 2, maxLength: 6 }), async (states) => {
      const mirror = `m${(run += 1)}`
      const published = []
      for (const packages of states) published.push(await publishSimply(store, { mirror, packages }))
      for (const [a, { snapshot: from }] of published.entries())
        for (const [b, { snapshot: to, replaced }] of published.entries()) {
          const found = toLines(classifyPackages(await store.differences(from, to)))
          assert.deepEqual(found, diffNaively(states[a] ?? [], states[b] ?? []), `${a} -> ${b}`)
          if (b !== a + 1) continue
          const flagged = (await store.defects(to)).filter(({ kind }) => kind === 'replaced')
          assert.equal(flagged.length > 0, replaced > 0)
          if (!hasDuplicates(states[a]) && !hasDuplicates(states[b]))
            assert.equal(replaced, found.replaced.length)
          assert.ok(
            replaced === 0 || flagged.every(({ message }) => /was replaced in place: sha/.test(message)),
          )
        }
    })
    await fc.assert(property, { seed: 20161213, numRuns: RUNS })
  })

  test('what differs says of which source it is, in whatever form that is stored', async (t) => {
    const store = open(t)
    const nevra = { epoch: '0', version: '1', release: '2', arch: 'noarch' } as const
    const create = (name: string, source?: string): PackageRecord => {
      const named = { ...nevra, name, href: name, checksum: digestOf(name), size: 1 }
      return source === undefined ? named : { ...named, source }
    }
    const packages = [
      create('own', 'own-1-2.src.rpm'),
      create('part', 'whole-1-2.src.rpm'),
      create('odd', 'odd.rpm-1-2.src.rpm'),
      create('other', 'whole-7-2.src.rpm'),
      create('nosrc', 'nosrc-1-2.nosrc.rpm'),
      create('untold'),
      { ...create('itself'), arch: 'src' },
    ]
    const { snapshot: from } = await publishSimply(store, {})
    const { snapshot: to } = await publishSimply(store, { packages })
    const { come } = await store.differences(from, to)
    const found = new Map(come.map(({ name, source }) => [name, source]))
    for (const { name, source } of packages)
      assert.equal(found.get(name), name === 'itself' ? 'itself-1-2.src.rpm' : source, name)
  })
}

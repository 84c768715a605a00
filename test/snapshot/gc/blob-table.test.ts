import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { DIGEST_ALGORITHMS, digestOf } from '../../../src/model/digest.ts'
import { BlobTable, FETCHABLE, LISTED, REPODATA } from '../../../src/snapshot/gc/blob-table.ts'

const digest = fc
  .tuple(fc.nat(60), fc.constantFrom(...DIGEST_ALGORITHMS))
  .map(([number, algorithm]) => digestOf(`${number}`, algorithm))
const blob = fc.record({ digest, size: fc.nat(2 ** 40), usedAt: fc.nat(2 ** 41) }, { noNullPrototype: true })
const listing = fc.record({ digest, fetchable: fc.boolean(), repodata: fc.boolean() })

test('a table of blobs knows each by its digest, as a map does', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(blob, { selector: (one) => one.digest }),
      fc.array(listing),
      fc.nat(20),
      (blobs, listings, cut) => {
        const table = new BlobTable(blobs.length)
        for (const some of [blobs.slice(0, cut), blobs.slice(cut)])
          if (some.length > 0)
            table.add(Buffer.from(some.map((one) => `${one.digest} ${one.size} ${one.usedAt}`).join()))
        const marks = new Map(blobs.map((one) => [one.digest, 0]))
        for (const repodata of [false, true]) {
          const some = listings.filter((one) => one.repodata === repodata)
          const rows = some.map((one) => `${one.fetchable ? '+' : '-'}${one.digest}`)
          table.markListed(Buffer.from(rows.join()), LISTED | (repodata ? REPODATA : 0))
          for (const one of some) {
            const before = marks.get(one.digest)
            const added = LISTED | (repodata ? REPODATA : 0) | (one.fetchable ? FETCHABLE : 0)
            if (before !== undefined) marks.set(one.digest, before | added)
          }
        }
        for (let wanted = 0; wanted < 8; wanted += 1) {
          const expected = blobs.filter((one) => marks.get(one.digest) === wanted)
          const is = (found: number) => found === wanted
          assert.deepEqual(table.pick(is), expected)
          const bytes = expected.reduce((sum, { size }) => sum + size, 0)
          assert.deepEqual(table.sum(is), { count: expected.length, bytes })
        }
      },
    ),
  )
})

test('digests that differ in their last digit only are two', () => {
  const [one = '', other = ''] = ['0', '1'].map((last) => `sha256:${'a'.repeat(63)}${last}`)
  const table = new BlobTable(1)
  table.add(Buffer.from(`${one} 1 1`))
  table.markListed(Buffer.from(`-${other}`), LISTED)
  assert.equal(table.sum((marks) => marks === 0).count, 1)
  table.markListed(Buffer.from(`-${one}`), LISTED)
  assert.equal(table.sum((marks) => marks === 0).count, 0)
})

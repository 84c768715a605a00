import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'

import { placeAdoption, planAdoption, type SnapshotSpan } from '../../../src/snapshot/adopt/adopt-place.ts'

const span = (firstSeq: number, lastSeq: number, firstName: string, lastName: string): SnapshotSpan => ({
  firstSeq,
  lastSeq,
  firstName,
  lastName,
})

describe('the place of adopted snapshots', () => {
  test('is before, after, or nowhere', () => {
    const own = span(-2, 7, 'd', 'f')
    assert.deepEqual(placeAdoption(span(1, 3, 'a', 'c'), undefined), { side: 'after', offset: 0, seam: 0 })
    assert.deepEqual(placeAdoption(span(1, 3, 'g', 'i'), own), { side: 'after', offset: 7, seam: 7 })
    // 1 to 3 become -5 to -3.
    assert.deepEqual(placeAdoption(span(1, 3, 'a', 'c'), own), { side: 'before', offset: -6, seam: -2 })
    for (const [first, last] of [
      ['a', 'd'],
      ['a', 'z'],
      ['e', 'e'],
      ['f', 'z'],
    ] as const)
      assert.throws(() => placeAdoption(span(1, 2, first, last), own), { code: 'ADOPTION_REFUSED' })
  })
})

describe('the plan of an adoption', () => {
  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'), { maxLength: 8 })

  test('puts each old snapshot in one place, in order, none between those that are there', () => {
    const property = fc.property(names, names, (old, own) => {
      const { present, before, after, between } = planAdoption(old, own)
      const all = [...before, ...present, ...between, ...after]
      assert.deepEqual(all.toSorted(), old.toSorted())
      for (const group of [present, before, after, between]) assert.deepEqual(group, group.toSorted())
      assert.deepEqual(present, old.filter((name) => own.includes(name)).toSorted())
      for (const name of before) assert.ok(own.length > 0 && own.every((one) => name < one))
      for (const name of after) assert.ok(own.every((one) => name > one))
      for (const name of between) assert.ok(own.some((one) => name > one) && own.some((one) => name < one))
    })
    fc.assert(property, { seed: 20161213, numRuns: 300 })
  })
})

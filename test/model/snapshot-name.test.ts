import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { formatSnapshotName, nearestNames, parseSnapshotName } from '../../src/model/snapshot-name.ts'

test('the nearest names are those whose minutes are, in their order', () => {
  const minute = fc
    .integer({ min: 0, max: 40 })
    .map((at) => formatSnapshotName(Date.UTC(2016, 11, 31, 23, 40 + at)))
  const asked = fc.oneof(minute, fc.constantFrom('2016-99-99-99-99', '1999-01-01-00-00', '2100-01-01-00-00'))
  const property = fc.property(asked, fc.uniqueArray(minute, { maxLength: 12 }), (name, names) => {
    const distance = (one: string) => Math.abs((parseSnapshotName(one) ?? 0) - (parseSnapshotName(name) ?? 0))
    const nearest = names.toSorted((a, b) => distance(a) - distance(b)).slice(0, 3)
    assert.deepEqual(nearestNames(name, names), nearest.toSorted())
  })
  fc.assert(property, { seed: 20161213, numRuns: 1_000 })
})

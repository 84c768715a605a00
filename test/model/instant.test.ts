import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseInstant } from '../../src/model/instant.ts'

test('moments are read in every form the standard allows', () => {
  const noon = Date.UTC(2026, 10, 22, 12)
  for (const text of [
    '2026-11-22T12:00:00Z',
    '2026-11-22T12:00Z',
    '2026-11-22T12:00:00.000Z',
    '2026-11-22T13:00:00+01:00',
    '2026-11-22T13:00:00+0100',
    '2026-11-22T06:30:00-05:30',
  ])
    assert.equal(parseInstant(text), noon, text)
  assert.equal(parseInstant('2026-11-22T12:00:00.250Z'), noon + 250)
  assert.equal(parseInstant('2028-02-29T00:00Z'), Date.UTC(2028, 1, 29))
})

test('what is no moment, or none that is certain, is refused', () => {
  for (const text of [
    '',
    'yesterday',
    '2026-11-22',
    '2026-11-22T12:00:00',
    '2026-11-22 12:00:00Z',
    '2026-13-01T00:00Z',
    '2026-02-30T00:00Z',
    '2026-11-22T25:00Z',
    '2026-11-22T12:00:00ZZ',
    '1763812800',
  ])
    assert.equal(parseInstant(text), undefined, text)
})

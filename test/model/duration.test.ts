import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { formatDuration, parseDuration } from '../../src/model/duration.ts'

describe('durations', () => {
  const read: [string, number][] = [
    ['0s', 0],
    ['1ms', 1],
    ['30s', 30_000],
    ['5m', 300_000],
    ['8h', 28_800_000],
    ['2d', 172_800_000],
    ['1w', 604_800_000],
    ['1h30m', 5_400_000],
    ['1w2d3h4m5s6ms', 788_645_006],
    ['1.5h', 5_400_000],
    ['0.1s', 100],
    ['0.0004s', 0],
  ]
  for (const [text, durationMs] of read) {
    test(`${text} is ${durationMs} ms`, () => assert.equal(parseDuration(text), durationMs))
  }

  const refused = [
    '',
    '30',
    's',
    '30 s',
    ' 30s',
    '30s ',
    '30S',
    '-1s',
    '+1s',
    '1m1h',
    '1s1s',
    '1e3s',
    '.5s',
    '5.s',
    '1,5h',
  ]
  for (const text of [...refused, '1y', 'soon', 'off', '٣s', '1s\n', '9999999999999s']) {
    test(`${JSON.stringify(text)} is none`, () => assert.equal(parseDuration(text), undefined))
  }

  const written: [number, string][] = [
    [0, '0s'],
    [1, '1ms'],
    [1500, '1s500ms'],
    [90_000, '1m30s'],
    [28_800_000, '8h'],
    [604_800_000, '7d'],
  ]
  for (const [durationMs, text] of written) {
    test(`${durationMs} ms is written ${text}`, () => assert.equal(formatDuration(durationMs), text))
  }

  test('what is written reads back', () => {
    const durations = fc.integer({ min: 0, max: 10_000_000_000 })
    fc.assert(
      fc.property(durations, (durationMs) => parseDuration(formatDuration(durationMs)) === durationMs),
      { seed: 1 },
    )
  })
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import type { BenchResult } from '../../bench/report/result.ts'

const ROOT = join(import.meta.dirname, '../..')
const TEXT = readFileSync(join(ROOT, 'docs/sizing.md'), 'utf8')
const RESULT = JSON.parse(readFileSync(join(ROOT, 'bench/results/reference.json'), 'utf8')) as BenchResult

/** An estimate is good when it is off by no more than this part. */
const TOLERANCE = 0.2
const MIB = 1024 * 1024

function curve(measure: string, over: string): readonly (readonly [x: number, value: number])[] {
  const found = RESULT.curves.find((one) => one.measure === measure && one.over === over)
  assert.ok(found, `${measure} over ${over}`)
  return found.points.map(({ x, value }) => [x, value] as const)
}

/** What one more costs, between the least and the most that was measured. */
function slope(measure: string, over: string): number {
  const points = curve(measure, over)
  const [from, to] = [points[0] ?? [0, 0], points.at(-1) ?? [0, 0]]
  return (to[1] - from[1]) / (to[0] - from[0])
}

function spread(measure: string, over: string): number {
  const values = curve(measure, over).map(([, value]) => value)
  return Math.max(...values) - Math.min(...values)
}

function most(measure: string): number {
  return Math.max(
    ...['mirrors', 'snapshots', 'packages'].flatMap((over) => curve(measure, over).map(([, y]) => y)),
  )
}

function figure(scenario: string, measure: string, name: RegExp): number {
  const found = RESULT.figures.find(
    (one) =>
      one.scenario === scenario && one.of === 'pinyon' && one.measure === measure && name.test(one.name),
  )
  assert.ok(found, `${scenario}, ${measure}`)
  return found.value.median
}

/** What the page says, and what that is in the measured result, in the same unit. */
const ESTIMATES: readonly (readonly [said: RegExp, measured: () => number])[] = [
  [/([\d.]+) bytes a package that a mirror lists/, () => slope('database', 'packages')],
  [/([\d.]+) KB a snapshot,/, () => slope('database', 'snapshots') / 1_000],
  [
    /([\d.]+) KB where 100 of 65,000 change/,
    () => figure('resync', 'database grows by', /^100 of 65,000/) / 1_000,
  ],
  [
    /with 42 snapshots each have ([\d.]+) MiB/,
    () => figure('scale', 'database', /^idle, 30 mirrors × 42/) / MIB,
  ],
  [/some ([\d.]+) MB beside it/, () => figure('scale', 'memory', /^idle/) / 1e6],
  [/100 mirrors \(([\d.]+) MB more\)/, () => spread('memory', 'mirrors') / 1e6],
  [/1,000 snapshots \(([\d.]+) MB more\)/, () => spread('memory', 'snapshots') / 1e6],
  [/has ([\d.]+) MB at most while 65,000/, () => figure('sync', 'peak memory', /65,000/) / 1e6],
  [/ready after ([\d.]+) s/, () => most('start')],
  [/one request and ([\d.]+) ms/, () => figure('resync', 'processor time', /^nothing new/)],
  [/65,000 packages takes ([\d.]+) s/, () => figure('sync', 'CPU', /65,000/)],
  [
    /100 of them ([\d.]+) times as long/,
    () => figure('resync', 'time', /^100 of 65,000/) / figure('sync', 'time', /65,000/),
  ],
  [/([\d.]+) ms at most in half of the cases/, () => most('look-up, p50') / 1_000],
]

describe('docs/sizing.md', () => {
  for (const [said, measured] of ESTIMATES)
    test(`says what was measured: ${said.source}`, () => {
      const [, number] = said.exec(TEXT) ?? assert.fail(`it does not say: ${said}`)
      const value = measured()
      const off = Math.abs(Number(number) - value) / value
      assert.ok(off <= TOLERANCE, `said: ${number}, measured: ${value.toPrecision(4)}`)
    })

  test('says that memory stays what it is with packages, and one request asks for news', () => {
    assert.ok(spread('memory', 'packages') < 10e6)
    assert.ok(spread('start', 'packages') < most('start') / 3)
    assert.equal(figure('resync', 'upstream requests', /^nothing new/), 1)
  })
})

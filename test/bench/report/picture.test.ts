import assert from 'node:assert/strict'
import { test } from 'node:test'

import { XMLValidator } from 'fast-xml-parser'

import { formatPicture } from '../../../bench/report/picture.ts'
import { formatRatioChart } from '../../../bench/report/ratio-chart.ts'
import { logAxis } from '../../../bench/report/svg.ts'
import { SAMPLE } from './sample-result.ts'

test('a picture is XML that stands alone, for light and dark pages', () => {
  const picture = formatPicture(SAMPLE)
  assert.equal(XMLValidator.validate(picture), true)
  assert.match(picture, /prefers-color-scheme: dark/)
  assert.match(picture, /Some &#60;CPU&#62; &#38; more.*, abcdef, seed 1</)
  assert.match(picture, />node 24\.0\.0, nginx 1\.22\.1</)
  assert.doesNotMatch(picture, /NaN|undefined|Infinity|href/)
  assert.equal(XMLValidator.validate(formatPicture({ ...SAMPLE, figures: [], curves: [] })), true)
})

test('where pinyon is ahead its mark is right of the middle, whichever way is better', () => {
  const marks = [
    { of: 'ahead', median: 2, low: 2, high: 2 },
    { of: 'behind', median: 0.5, low: 0.5, high: 0.5 },
  ]
  const { svg } = formatRatioChart([{ title: 'case', marks }])
  const middle = Number(/class="even" x1="([\d.]+)"/.exec(svg)?.[1])
  const ahead = Number(/<circle class="s0" cx="([\d.]+)" cy="(?!26")/.exec(svg)?.[1])
  const behind = Number([...svg.matchAll(/<rect class="s1" x="([\d.]+)"/g)].at(-1)?.[1])
  assert.ok(behind < middle && middle < ahead, `${behind} < ${middle} < ${ahead}`)
  // A ratio of the syncs is better when it is less.
  assert.match(formatPicture(SAMPLE), /sync: 65,000 packages, time/)
})

test('on a logarithmic axis twice is as far from one as half', () => {
  const axis = logAxis([0.5, 1, 2], 0, 300)
  assert.ok(Math.abs(axis.at(2) - axis.at(1) - (axis.at(1) - axis.at(0.5))) < 1e-9)
  assert.deepEqual(axis.ticks, [0.5, 1, 2])
  assert.ok(Number.isFinite(logAxis([], 0, 300).at(1)))
  assert.ok(logAxis([7], 0, 300).at(7) > 0)
})

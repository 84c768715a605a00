import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { formatFigures } from '../../../bench/report/figure-table.ts'
import { formatValue } from '../../../bench/report/format-value.ts'
import { formatMarkdown, replaceTables } from '../../../bench/report/markdown.ts'
import { readResult, writeResult } from '../../../bench/report/result.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { SAMPLE } from './sample-result.ts'

test('values are written as people read them', () => {
  const written = [
    formatValue(48_211.4, 'requests/s'),
    formatValue(1.5, 'requests/s'),
    formatValue(12.34, 'µs'),
    formatValue(1_234, 'µs'),
    formatValue(0.5, 'ms'),
    formatValue(12, 's'),
    formatValue(100, 'bytes'),
    formatValue(100 * 1024, 'bytes'),
    formatValue(87 * 2 ** 20, 'bytes'),
    formatValue(1, 'count'),
  ]
  assert.deepEqual(written, [
    '48,211',
    '1.5',
    '12.3 µs',
    '1.23 ms',
    '500 µs',
    '12.0 s',
    '100 B',
    '100 KiB',
    '87.0 MiB',
    '1',
  ])
})

test('the table has a line for each server below its case, and marks what is missed', () => {
  const [head = '', ...lines] = formatFigures(SAMPLE.figures).trimEnd().split('\n')
  assert.match(head, /measure +value +pinyon : it +to reach +CPU/)
  assert.deepEqual(
    lines.map((line) => line.replaceAll(/ {2,}/g, ' | ').trim()),
    [
      '',
      'hot: 2 KB, 16 connections',
      '| pinyon | requests/s | 63,000 | 11.0 µs | 1.50 ms | 128 MiB',
      '| nginx | requests/s | 50,000 | 1.26 (1.23–1.29) | ≥ 1.2 | 11.0 µs | 1.00 (0.95–1.05) | 1.00 ms | 1.50 (1.50–1.50) | 9.00 MiB',
      '| squid | requests/s | 126,000 | 0.50 (0.50–0.50)',
      '',
      'sync: 65,000 packages',
      '| pinyon | time | 3.00 s',
      '| gunzip | sha256sum | time | 1.00 s | 3.00 (3.00–3.00) ! | ≤ 2.5',
      '| pinyon | memory | 200 MiB ! | ≤ 100 B',
      '',
      'stampede: 200 clients',
      '| pinyon | upstream requests | 1 | ≤ 1',
      '| nginx | upstream requests | 1',
      '| squid | upstream requests | 7',
    ],
  )
})

test('README’s tables hold hits against each server, and the rest with what it is to reach', () => {
  assert.deepEqual(formatMarkdown(SAMPLE).split('\n'), [
    '| requests/s | pinyon | : nginx | : squid |',
    '|---|---|---|---|',
    '| 2 KB, 16 connections | 63,000 | **1.26** (1.23–1.29) | 0.50 (0.50–0.50) |',
    '',
    '|  | measure | pinyon | against | pinyon : it | to reach |',
    '|---|---|---|---|---|---|',
    '| sync: 65,000 packages | time | 3.00 s | gunzip \\| sha256sum | 3.00 (3.00–3.00) | ≤ 2.5 (missed) |',
    '| sync: 65,000 packages | memory | 200 MiB |  |  | ≤ 100 B (missed) |',
    '| stampede: 200 clients | upstream requests | 1 | nginx 1, squid 7 |  | ≤ 1 |',
    '',
    '* packages are small',
    '',
    '2 cores (Some <CPU> & more), 24 GiB, Linux 6.1; node 24.0.0, nginx 1.22.1; 2030-01-02, abcdef. Medians, quartiles in brackets; **bold** where pinyon is ahead.',
    '',
  ])
})

test('what is to be reached is shown in both, whatever it is of and whomever it is held against', () => {
  const tail = { scenario: 'tail', name: '2 KB', measure: 'p99', better: 'less', unit: 'µs' } as const
  const value = { median: 200, low: 190, high: 210 }
  const ratio = { median: 0.5, low: 0.4, high: 0.6 }
  const figures = [
    { ...tail, of: 'pinyon', value },
    { ...tail, of: 'pinyon, old', value, ratio, target: 1 },
    { ...tail, name: '64 KB', of: 'pinyon', value },
    { ...tail, name: '64 KB', measure: 'share', of: 'pinyon, old', value, ratio },
  ]
  const result = { ...SAMPLE, figures }
  const rows = formatMarkdown(result)
    .split('\n')
    .filter((line) => line.startsWith('| tail'))
  assert.deepEqual(rows, ['| tail: 2 KB | p99 | 200 µs | pinyon, old | **0.50** (0.40–0.60) | ≤ 1 |'])
  assert.match(
    formatFigures(figures),
    /^tail: 2 KB\n {2}pinyon +p99 +200 µs.*\n {2}pinyon, old +p99 +200 µs +0\.50/m,
  )
})

test('README has a place for its tables, and nothing else of it is touched', () => {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
  const written = replaceTables(readme, '| a |\n')
  const [before = '', after = ''] = written.split('\n\n| a |\n\n')
  assert.ok(readme.startsWith(before) && readme.endsWith(after) && before !== '' && after !== '')
  assert.equal(replaceTables(written, '| a |\n'), written)
  assert.throws(() => replaceTables('# pinyon', ''), /nowhere to put the tables/)
})

test('a result is read as it was written, but for digits that say nothing, and another file refused', (t) => {
  const file = join(tempDir(t), 'result.json')
  writeResult(file, SAMPLE)
  const { figures, ...rest } = readResult(file)
  const { figures: written, ...others } = SAMPLE
  assert.deepEqual(rest, others)
  assert.equal(figures.length, written.length)
  assert.deepEqual(figures[0], written[0])
  assert.equal(figures.find(({ measure, of }) => measure === 'CPU' && of === 'nginx')?.ratio?.high, 1.0455)
  const lines = readFileSync(file, 'utf8').split('\n')
  assert.equal(lines.filter((line) => line.includes('"of":')).length, written.length)
  writeFileSync(file, '{}')
  assert.throws(() => readResult(file), /result\.json is no result of npm run bench/)
})

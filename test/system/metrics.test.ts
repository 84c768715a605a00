import assert from 'node:assert/strict'
import { test } from 'node:test'

import { METRICS, METRIC_NAMES, fullName, metricOf } from '../../src/system/metric-table.ts'
import { Metrics, type Reading } from '../../src/system/metrics.ts'
import { Tally, addTallies } from '../../src/system/tally.ts'

const AT_RISK: readonly Reading[] = [
  { name: 'at_risk_packages', labels: ['m'], value: 5 },
  { name: 'at_risk_packages', labels: ['n "\\'], value: 7 },
  { name: 'packages', labels: ['m', 'cached'], value: 10 },
  { name: 'packages', labels: ['n', 'cached'], value: 20 },
  { name: 'packages', labels: ['n', 'on_demand'], value: 30 },
  { name: 'sync_last_success_timestamp_seconds', labels: ['m'], value: 200 },
  { name: 'sync_last_success_timestamp_seconds', labels: ['n'], value: 100 },
  { name: 'sync_interval_seconds', labels: ['m'], value: 60 },
  { name: 'sync_interval_seconds', labels: ['n'], value: 600 },
]

async function linesOf(tally: Tally, readings: readonly Reading[], isPerMirror = true): Promise<string[]> {
  const metrics = new Metrics({
    tally: () => tally.snapshot(),
    readings: async () => readings,
    isPerMirror: () => isPerMirror,
  })
  const text = await metrics.text()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  for (const line of lines) {
    const name = line.split(/[ {]/)[0]?.replace(/_(?:bucket|sum|count)$/, '')
    assert.ok(text.includes(`# HELP ${name} `), line)
  }
  return lines
}

function bucket(le: string): string {
  return `pinyon_first_byte_seconds_bucket{kind="package",source="cache",le="${le}"}`
}

test('figures are what is so when somebody asks, each with its help, and absent while unknown', async () => {
  const tally = new Tally()
  tally.setMirrors(['m'])
  tally.counter('requests_total', 'package', 'hit').add()
  tally.counter('requests_total', 'package', 'hit').add(2)
  tally.mirrorCounter('fills_total', 'ok').add('m', 4)
  tally.mirrorCounter('fills_total', 'ok').add('gone')
  tally.level('fills_in_flight', () => 3)
  const lines = await linesOf(tally, AT_RISK)
  const expected = [
    'pinyon_requests_total{kind="package",outcome="hit"} 3',
    'pinyon_requests_total{kind="package",outcome="fill"} 0',
    'pinyon_fills_total{mirror="m",result="ok"} 4',
    'pinyon_fills_total{mirror="_none",result="ok"} 1',
    'pinyon_fills_in_flight 3',
    'pinyon_at_risk_packages{mirror="m"} 5',
    'pinyon_at_risk_packages{mirror="n \\"\\\\"} 7',
    'pinyon_packages{mirror="n",state="on_demand"} 30',
  ]
  for (const line of expected) assert.ok(lines.includes(line), line)
  assert.ok(!lines.some((line) => line.startsWith('pinyon_views ')))
})

test('a histogram has what fell below each of its ends, all of it, and the sum', async () => {
  const tally = new Tally()
  const seconds = tally.histogram('first_byte_seconds', 'package', 'cache')
  for (const value of [0.0005, 0.001, 0.25, 31]) seconds.observe(value)
  const lines = await linesOf(tally, [])
  const expected = [
    `${bucket('0.001')} 2`,
    `${bucket('0.1')} 2`,
    `${bucket('0.3')} 3`,
    `${bucket('30')} 3`,
    `${bucket('+Inf')} 4`,
  ]
  for (const line of [...expected, 'pinyon_first_byte_seconds_count{kind="package",source="cache"} 4'])
    assert.ok(lines.includes(line), line)
  assert.ok(lines.includes('pinyon_first_byte_seconds_sum{kind="package",source="cache"} 31.2515'))
})

test('where mirrors are not told apart there are their sums, the oldest success and the longest interval', async () => {
  const tally = new Tally()
  tally.setMirrors(['m', 'n'])
  tally.mirrorCounter('fills_total', 'ok').add('m', 4)
  tally.mirrorCounter('fills_total', 'ok').add('n', 5)
  const lines = await linesOf(tally, AT_RISK, false)
  const expected = [
    'pinyon_fills_total{result="ok"} 9',
    'pinyon_at_risk_packages 12',
    'pinyon_packages{state="cached"} 30',
    'pinyon_packages{state="on_demand"} 30',
    'pinyon_sync_last_success_timestamp_seconds 100',
    'pinyon_sync_interval_seconds 600',
  ]
  for (const line of expected) assert.ok(lines.includes(line), line)
  assert.ok(!lines.some((line) => line.includes('mirror=')))
  // One of them goes out of the configuration, and comes again.
  tally.setMirrors(['m'])
  assert.ok((await linesOf(tally, AT_RISK, false)).includes('pinyon_fills_total{result="ok"} 9'))
  tally.setMirrors(['m', 'n'])
  tally.mirrorCounter('fills_total', 'ok').add('n')
  assert.ok((await linesOf(tally, AT_RISK, false)).includes('pinyon_fills_total{result="ok"} 10'))
  assert.ok((await linesOf(tally, [], true)).includes('pinyon_fills_total{mirror="n",result="ok"} 1'))
})

test('what processes counted adds up, and a mirror that is gone takes its series with it', async () => {
  const [first, second] = [new Tally(), new Tally()]
  first.setMirrors(['m'])
  second.setMirrors(['m', 'gone'])
  for (const tally of [first, second]) {
    tally.level('workers', () => 1)
    tally.counter('bypass_total').add(2)
    tally.mirrorCounter('fills_total', 'ok').add('m', 3)
    tally.histogram('sync_seconds', 'new').observe(2)
  }
  second.mirrorCounter('fills_total', 'ok').add('gone', 7)
  // As it goes from process to process.
  const sent = structuredClone(second.snapshot())
  const sum = addTallies(first.snapshot(), sent)
  const metrics = (tally: () => typeof sum, isPerMirror = true) =>
    new Metrics({ tally, readings: async () => [], isPerMirror: () => isPerMirror }).text()
  const text = await metrics(() => sum)
  assert.match(text, /^pinyon_workers 2$/m)
  assert.match(text, /^pinyon_bypass_total 4$/m)
  assert.match(text, /^pinyon_fills_total\{mirror="m",result="ok"\} 6$/m)
  // Of what is not told here only sums have anything: it was no request of an unknown mirror.
  assert.match(text, /^pinyon_fills_total\{mirror="_none",result="ok"\} 0$/m)
  assert.match(await metrics(() => sum, false), /^pinyon_fills_total\{result="ok"\} 13$/m)
  assert.match(text, /^pinyon_sync_seconds_count\{result="new"\} 2$/m)
  // The second process ends: what it counted stays, its gauges go.
  first.absorb(sent)
  const left = await metrics(() => first.snapshot())
  assert.match(left, /^pinyon_workers 1$/m)
  assert.match(left, /^pinyon_bypass_total 4$/m)
  assert.match(await metrics(() => first.snapshot(), false), /^pinyon_fills_total\{result="ok"\} 13$/m)
  first.setMirrors([])
  assert.doesNotMatch(await metrics(() => first.snapshot()), /mirror="m"/)
})

test('a meter counts what is kept elsewhere, once', () => {
  const tally = new Tally()
  let total = 5
  tally.meter('corrupt_blobs_total', () => total)
  const before = tally.snapshot().counts
  total = 8
  const [first, second] = [before, tally.snapshot().counts].map((counts) => counts.reduce((a, b) => a + b, 0))
  assert.deepEqual([first, second], [5, 8])
})

test('metrics are named and bounded as Prometheus wants them', () => {
  for (const name of METRIC_NAMES) {
    const { type, help, labels } = metricOf(name)
    assert.match(fullName(name), /^(?:pinyon|process)_[a-z0-9_]+$/)
    assert.ok(help.length > 5 && !help.endsWith('.'), name)
    assert.equal(type === 'counter', name.endsWith('_total'), name)
    for (const values of Object.values(labels)) assert.ok(values.length <= 16, name)
  }
  assert.equal(METRICS.requests_total.labels.outcome.length, 13)
})

import { toFigures } from '../../../bench/measure/figure.ts'
import type { BenchResult } from '../../../bench/report/result.ts'

const HOT = { scenario: 'hot', name: '2 KB, 16 connections', better: 'less' } as const

/** A result of few figures, of every kind. */
export const SAMPLE: BenchResult = {
  machine: { cores: 2, processor: 'Some <CPU> & more', memoryGiB: 24, kernel: '6.1' },
  versions: { node: '24.0.0', nginx: '1.22.1' },
  seed: 1,
  date: '2030-01-02T03:04:05.000Z',
  commit: 'abcdef',
  isQuick: false,
  seconds: 10,
  figures: [
    ...toFigures(
      {
        ...HOT,
        measure: 'requests/s',
        unit: 'requests/s',
        better: 'more',
        targets: { nginx: 1.2 },
        allowance: 0.1,
      },
      { pinyon: [60_000, 66_000], nginx: [50_000, 50_000], squid: [120_000, 132_000] },
    ),
    ...toFigures({ ...HOT, measure: 'CPU', unit: 'µs' }, { pinyon: [10, 12], nginx: [11, 11] }),
    ...toFigures({ ...HOT, measure: 'p99', unit: 'µs' }, { pinyon: [1_500], nginx: [1_000] }),
    ...toFigures({ ...HOT, measure: 'RSS', unit: 'bytes' }, { pinyon: [128 << 20], nginx: [9 << 20] }),
    ...toFigures(
      {
        scenario: 'sync',
        name: '65,000 packages',
        measure: 'time',
        unit: 's',
        better: 'less',
        targets: { 'gunzip | sha256sum': 2.5 },
      },
      { pinyon: [3], 'gunzip | sha256sum': [1] },
    ),
    ...toFigures(
      {
        scenario: 'sync',
        name: '65,000 packages',
        measure: 'memory',
        unit: 'bytes',
        better: 'less',
        targets: { pinyon: 100 },
      },
      { pinyon: [200 << 20] },
    ),
    ...toFigures(
      {
        scenario: 'stampede',
        name: '200 clients',
        measure: 'upstream requests',
        unit: 'count',
        better: 'less',
        hasRatio: false,
        targets: { pinyon: 1 },
      },
      { pinyon: [1], nginx: [1], squid: [7] },
    ),
  ],
  curves: [
    {
      measure: 'memory',
      unit: 'bytes',
      over: 'mirrors',
      points: [
        { x: 1, value: 100 << 20 },
        { x: 100, value: 101 << 20 },
      ],
    },
    {
      measure: 'database',
      unit: 'bytes',
      over: 'mirrors',
      points: [
        { x: 1, value: 1 << 20 },
        { x: 100, value: 100 << 20 },
      ],
    },
  ],
  notes: ['packages are small'],
}

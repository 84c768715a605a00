import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { findAttention, isFresh, type AttentionFacts } from '../../src/proxy/attention.ts'
import type { FarmMirror } from '../../src/snapshot/farm/farm.ts'
import { NO_DEFECTS, sumDefects } from '../../src/snapshot/farm/mirror-defects.ts'

const NOW = Date.UTC(2026, 2, 17, 9, 52)
const HOUR_MS = 3_600_000
const UNMEASURED = {
  isSilent: false,
  isResting: false,
  isListed: false,
  latencyMs: undefined,
  bytesPerSecond: undefined,
  failureShare: 0,
}
const NONE = { count: 0, bytes: 0 }
const SOME = { count: 2, bytes: 10 }

function mirror(more: Partial<FarmMirror> = {}): FarmMirror {
  const current = {
    id: 1,
    seq: 1,
    name: '2026-03-17-01-00',
    createdAt: NOW,
    packages: 9,
    bytes: 9,
    climb: 0,
    cached: 1,
    cachedBytes: 1,
  }
  return {
    id: 1,
    name: 'm',
    listed: true,
    pinned: false,
    pinWhy: undefined,
    pinnedSince: undefined,
    removedAt: undefined,
    checkedAt: NOW - HOUR_MS,
    succeededAt: NOW - HOUR_MS,
    error: undefined,
    failures: 0,
    failingSince: undefined,
    current,
    currentSince: NOW - 9 * HOUR_MS,
    waiting: 0,
    newest: current.name,
    lastUsed: NOW,
    replaced: 0,
    replacedUnkept: 0,
    departed: { cached: NONE, at_risk: NONE, lost: NONE },
    defects: NO_DEFECTS,
    ...more,
  }
}

function facts(mirrors: readonly FarmMirror[], more: Partial<AttentionFacts> = {}): AttentionFacts {
  return {
    mirrors,
    intervalOf: () => 8 * HOUR_MS,
    sourcesOf: () => [
      { baseurl: 'u', state: 'ok', failures: 0, retryInMs: 0, error: undefined, ...UNMEASURED },
    ],
    configuration: { error: undefined },
    cache: { full: false, few_inodes: false, bytes: 1, max_bytes: 2, only_here_bytes: 0 },
    trouble: [],
    nowMs: NOW,
    ...more,
  }
}

const FAILED = { error: 'timed out', failures: 3, failingSince: NOW - HOUR_MS }
const MUTE: AttentionFacts['sourcesOf'] = () => [
  {
    baseurl: 'u',
    state: 'down',
    failures: 4,
    retryInMs: 1,
    error: 'timed out',
    ...UNMEASURED,
    isSilent: true,
  },
]
const LYING: AttentionFacts['sourcesOf'] = () => [
  { baseurl: 'u', state: 'set aside', failures: 4, retryInMs: 1, error: 'other bytes', ...UNMEASURED },
]
const RESTING: AttentionFacts['sourcesOf'] = () => [
  {
    ...UNMEASURED,
    baseurl: 'u',
    state: 'set aside',
    failures: 1,
    retryInMs: 1,
    error: '429',
    isSilent: true,
    isResting: true,
  },
]
const PINNED = { pinned: true, waiting: 3, pinnedSince: NOW - 31 * 24 * HOUR_MS }
const REPLACED = { cached: NONE, at_risk: SOME, lost: NONE }
const LOST = { cached: NONE, at_risk: SOME, lost: { count: 1, bytes: 5 } }

const SIZE = { path: 'a', kind: 'size', message: 'says 1' } as const
const DEFECTS = sumDefects([SIZE, { path: 'b', kind: 'missing', message: 'u/b answered: 404' }])

describe('what needs somebody', () => {
  const cases: readonly (readonly [string, AttentionFacts, string[]])[] = [
    ['nothing', facts([mirror()]), []],
    ['what is on command only', facts([mirror({ succeededAt: 0 })], { intervalOf: () => 'off' }), []],
    ['a pin', facts([mirror({ pinned: true, waiting: 3 })]), []],
    ['an old pin', facts([mirror(PINNED)]), ['9 m is pinned for 31 days']],
    [
      'at risk',
      facts([mirror({ departed: { cached: SOME, at_risk: SOME, lost: NONE } })]),
      ['6 m has 2 packages at risk'],
    ],
    ['lost, and at risk', facts([mirror({ departed: LOST })]), ['3 m lists 1 package that is lost +at_risk']],
    [
      'a file that cannot be had',
      facts([mirror({ defects: DEFECTS })]),
      ['4 m lists 1 file that upstream does not have right'],
    ],
    ['a size that is wrong', facts([mirror({ defects: sumDefects([SIZE]) })]), []],
    ['replaced', facts([mirror({ replaced: 2 })]), ['4 m got new bytes under old names, 2 times']],
    ['down', facts([mirror(FAILED)], { sourcesOf: MUTE }), ['5 m cannot reach its upstream']],
    ['not yet down', facts([mirror({ ...FAILED, failures: 1 })], { sourcesOf: MUTE }), []],
    [
      'down for an interval',
      facts([mirror({ ...FAILED, failures: 1, failingSince: NOW - 9 * HOUR_MS })], { sourcesOf: MUTE }),
      ['5 m cannot reach its upstream'],
    ],
    [
      'lies',
      facts([mirror({ ...FAILED, failures: 1 })], { sourcesOf: LYING }),
      ['8 m gets nothing new from upstream'],
    ],
    [
      'wants to be left alone',
      facts([mirror({ ...FAILED, failures: 1 })], { sourcesOf: RESTING }),
      ['8 m is told to wait by its upstream'],
    ],
    ['wants to be left alone by others', facts([mirror()], { sourcesOf: RESTING }), []],
    ['answers that cannot be used', facts([mirror(FAILED)]), ['8 m gets nothing new from upstream']],
    [
      'not looked at',
      facts([mirror({ succeededAt: NOW - 13 * HOUR_MS })]),
      ['8 m was not looked at for longer than its interval'],
    ],
    ['removed', facts([mirror({ ...FAILED, removedAt: NOW })], { sourcesOf: MUTE }), []],
    [
      'errors',
      facts([mirror()], { trouble: [{ mirror: 'm', requests: 100, failed: 21 }] }),
      ['1 m gives errors to jobs'],
    ],
    ['few errors', facts([mirror()], { trouble: [{ mirror: 'm', requests: 100, failed: 20 }] }), []],
    [
      'a full cache',
      facts([], { cache: { full: true, few_inodes: false, bytes: 2, max_bytes: 2, only_here_bytes: 2 } }),
      ['7 - New packages are passed through and not kept'],
    ],
    [
      'the configuration',
      facts([], { configuration: { error: 'x' } }),
      ['2 - The configuration on disk is refused'],
    ],
  ]
  for (const [title, given, expected] of cases) {
    test(title, () => {
      const found = findAttention(given).map(({ rank, mirror: name = '-', text, also }) =>
        [rank, name, text, ...also.map((code) => `+${code}`)].join(' '),
      )
      assert.deepEqual(found, expected)
    })
  }

  test('does not tell of a current snapshot where there is none yet', () => {
    const causes = [mirror(FAILED), mirror({ ...FAILED, current: undefined })].map(
      (one) => findAttention(facts([one]))[0]?.cause,
    )
    assert.deepEqual(causes, [
      'timed out. Jobs keep getting the current snapshot.',
      'timed out. Jobs get nothing of it before its first snapshot.',
    ])
  })

  test('says of what was replaced whether it is kept', () => {
    const causes = [mirror({ replaced: 1 }), mirror({ replaced: 1, departed: REPLACED })].map(
      (one) => findAttention(facts([one]))[0],
    )
    const unkept = findAttention(facts([mirror({ replaced: 2, replacedUnkept: 2, departed: REPLACED })]))[0]
    const begin = 'Upstream replaced packages in place within the last week.'
    const kept = 'is kept, and snapshots go on serving their own.'
    assert.deepEqual(
      causes.map((one) => one?.cause),
      [`${begin} What was there before ${kept}`, `${begin} What was fetched before ${kept}`],
    )
    assert.equal(
      unkept?.cause,
      `${begin} What was fetched before ${kept} 2 packages were not: a job whose snapshot lists one gets 502, unless another source has it.`,
    )
  })

  test('ends each sentence with one full stop, and leaves paths as they are', () => {
    const errors = [
      'location leaves the repository: "../../comps.xml"',
      'it ends in a stop.',
      'nothing lies at ..',
    ]
    assert.deepEqual(
      errors.map((error) => findAttention(facts([mirror({ ...FAILED, error })]))[0]?.cause),
      [
        'location leaves the repository: "../../comps.xml". Jobs keep getting the current snapshot.',
        'it ends in a stop. Jobs keep getting the current snapshot.',
        'nothing lies at ... Jobs keep getting the current snapshot.',
      ],
    )
  })

  test('is told worst first', () => {
    const mirrors = [mirror({ name: 'a', ...PINNED }), mirror({ name: 'b', departed: LOST })]
    assert.deepEqual(
      findAttention(facts(mirrors)).map(({ mirror: name }) => name),
      ['b', 'a'],
    )
  })

  test('says where in the configuration, and nothing of what stands there', () => {
    const problems = [{ line: 12, key: 'mirrors.m.policy', expected: 'one of on_demand, warm' }]
    const [found] = findAttention(facts([], { configuration: { error: 'found "secret"', problems } }))
    assert.equal(
      found?.cause,
      'Line 12: mirrors.m.policy: expected one of on_demand, warm. What was in force before stays in force.',
    )
  })

  test('names the nearest of many words', () => {
    const many = Array.from({ length: 40 }, (_, at) => `key${at}`).join(', ')
    const causes = [`one of ${many}; did you mean key7?`, `one of ${many}`].map((expected) => {
      const problems = [{ line: 3, key: 'mirrors.m.kei7', expected }]
      return findAttention(facts([], { configuration: { error: 'x', problems } }))[0]?.cause
    })
    assert.equal(
      causes[0],
      'Line 3: mirrors.m.kei7: did you mean key7? What was in force before stays in force.',
    )
    assert.match(causes[1] ?? '', /^Line 3: mirrors.m.kei7: expected one of key0, .{90,130} … What was/)
  })

  test('fresh is one and a half intervals and five minutes', () => {
    const age = (ms: number) => isFresh({ succeededAt: NOW - ms }, HOUR_MS, NOW)
    assert.deepEqual([age(94 * 60_000), age(95 * 60_000)], [true, false])
    assert.equal(isFresh({ succeededAt: undefined }, HOUR_MS, NOW), false)
  })
})

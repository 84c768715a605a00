import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { judgeSnapshots, type RetentionRules, type SnapshotFacts } from '../../src/model/retention.ts'

const DAY = 86_400_000
const NOW = 1_000 * DAY
const RULES: RetentionRules = {
  keep: 3,
  maxAgeMs: 14 * DAY,
  keepUsedMs: 3 * DAY,
  graceGenerations: 5,
  removedMs: 2 * DAY,
}

function snapshot(ageDays: number, facts: Partial<SnapshotFacts> = {}): SnapshotFacts {
  const nothing = {
    isCurrent: false,
    wasCurrent: false,
    isPinned: false,
    views: 0,
    isInGrace: false,
    usedAt: undefined,
  }
  return { createdAt: NOW - ageDays * DAY, ...nothing, ...facts }
}

function judge(snapshots: readonly SnapshotFacts[], removedAt?: number, rules = RULES): string[] {
  return judgeSnapshots(snapshots, rules, { removedAt, nowMs: NOW }).map(
    ({ goes, reasons }) => `${goes ? 'goes' : 'stays'}: ${reasons.join(', ')}`,
  )
}

describe('retention', () => {
  test('age and number each suffice; what is young enough stays', () => {
    assert.deepEqual(judge([1, 2, 3, 4, 15].map((age) => snapshot(age))), [
      'stays: the newest',
      'stays: younger than 14 d',
      'stays: younger than 14 d',
      'goes: not among the newest 3',
      'goes: older than 14 d',
    ])
    assert.deepEqual(judge([snapshot(13), snapshot(14), snapshot(14.001)]), [
      'stays: the newest',
      'stays: younger than 14 d',
      'goes: older than 14 d',
    ])
  })

  test('each thing that holds a snapshot is named', () => {
    const held = [
      snapshot(20, { isCurrent: true }),
      snapshot(30, { isPinned: true }),
      snapshot(40, { views: 1 }),
      snapshot(50, { views: 12 }),
      snapshot(60, { isInGrace: true }),
      snapshot(70, { usedAt: NOW - 3 * DAY }),
      snapshot(80, { usedAt: NOW - 3 * DAY - 1 }),
      snapshot(90, { isPinned: true, views: 2, usedAt: NOW, isCurrent: true, isInGrace: true }),
    ]
    assert.deepEqual(judge([snapshot(1), ...held]), [
      'stays: the newest',
      'stays: current',
      'stays: pinned',
      'stays: in a live view',
      'stays: in 12 live views',
      'stays: named by one of the last 5 generations',
      'stays: used within 3 d',
      'goes: older than 14 d',
      'stays: current, pinned, in 2 live views, used within 3 d',
    ])
  })

  test('one always stays, however old, unless its mirror was removed long enough ago', () => {
    const old = [snapshot(500), snapshot(600)]
    assert.deepEqual(judge(old), ['stays: the newest', 'goes: older than 14 d'])
    assert.deepEqual(judge(old, NOW - 2 * DAY), ['stays: the newest', 'goes: older than 14 d'])
    assert.deepEqual(judge(old, NOW - 2 * DAY - 1), [
      'goes: its mirror was removed more than 2 d ago',
      'goes: its mirror was removed more than 2 d ago',
    ])
    assert.deepEqual(judge([snapshot(1, { views: 1 }), snapshot(2, { usedAt: NOW })], 0), [
      'stays: in a live view',
      'stays: used within 3 d',
    ])
  })

  test('spans are told in their own units', () => {
    const rules = { ...RULES, maxAgeMs: 36 * 3_600_000, keepUsedMs: 1_500 }
    const judged = judge([snapshot(1), snapshot(1, { usedAt: NOW }), snapshot(9)], undefined, rules)
    assert.deepEqual(judged.slice(1), ['stays: used within 1.5 s', 'goes: older than 36 h'])
  })
})

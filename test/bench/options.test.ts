import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseOptions, SCENARIOS } from '../../bench/options.ts'

test('all scenarios run in full unless told, with a seed that can be named again', () => {
  const options = parseOptions([], 1_700_000_123_456)
  assert.deepEqual(options, {
    only: [...SCENARIOS],
    isQuick: false,
    seed: 123_456,
    cases: '',
    peers: [],
    rounds: undefined,
    output: undefined,
  })
})

test('scenarios keep their order, whatever the order they are asked for in', () => {
  const options = parseOptions(
    ['--only', 'sync, hot', '--quick', '--seed', '7', '--peers', 'nginx,squid', '--rounds', '9'],
    0,
  )
  assert.deepEqual(options.only, ['hot', 'sync'])
  assert.equal(options.isQuick, true)
  assert.equal(options.seed, 7)
  assert.deepEqual(options.peers, ['nginx', 'squid'])
  assert.equal(options.rounds, 9)
})

test('what is wrong is named', () => {
  const refused: readonly (readonly [readonly string[], RegExp])[] = [
    [['--only', 'hot,warm'], /--only takes scenarios of hot, tail, .*: warm$/],
    [['--only', ''], /--only takes scenarios/],
    [['--rounds', '0'], /--rounds takes a whole number: 0/],
    [['--seed', '1.5'], /--seed takes a whole number: 1\.5/],
    [['--fast'], /--fast/],
  ]
  for (const [args, message] of refused) assert.throws(() => parseOptions(args, 0), message)
})

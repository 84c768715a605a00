import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { chooseKept } from '../../../bench/report/kept-results.ts'
import { readResult } from '../../../bench/report/result.ts'
import { tempDir } from '../../support/temp-dir.ts'

const KEPT = join(import.meta.dirname, '../../../bench/results/reference.json')

test('a run is held against the kept results of its processor, else against those of the README', (t) => {
  const dir = tempDir(t)
  const kept = readResult(KEPT)
  const write = (name: string, processor: string) =>
    writeFileSync(join(dir, name), JSON.stringify({ ...kept, machine: { ...kept.machine, processor } }))
  write('reference.json', 'one')
  write('an-other.json', 'other')
  write('latest.json', 'third')
  write('quick.json', 'third')
  const choose = (processor: string) => chooseKept({ processor }, dir)
  assert.equal(choose('one'), join(dir, 'reference.json'))
  assert.equal(choose('other'), join(dir, 'an-other.json'))
  assert.equal(choose('third'), join(dir, 'reference.json'))
  write('an-other.json', 'one')
  assert.equal(choose('one'), join(dir, 'reference.json'))
})

test('the kept results are readable', () => {
  assert.equal(chooseKept({ processor: 'none that is made' }), KEPT)
})

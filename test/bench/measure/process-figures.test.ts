import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseStat, readCpuSeconds, readRssBytes, treeOf } from '../../../bench/measure/process-figures.ts'
import { parseVersion } from '../../../bench/measure/machine.ts'

test('a command’s name may hold anything', () => {
  const rest = 'S 7 1 1 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 1 1 1'
  assert.deepEqual(parseStat(`42 (a) b (c)) ${rest}`), { pid: 42, parent: 7, cpuSeconds: 2 })
})

test('a tree is a process and all that descend from it', () => {
  const processes = [
    [1, 0],
    [5, 1],
    [6, 5],
    [7, 6],
    [8, 1],
  ].map(([pid = 0, parent = 0]) => ({ pid, parent, cpuSeconds: 0 }))
  assert.deepEqual(
    treeOf(5, processes).map(({ pid }) => pid),
    [5, 6, 7],
  )
  assert.deepEqual(treeOf(9, processes), [])
})

test('this process has used time and memory', () => {
  assert.ok(readCpuSeconds(process.pid) > 0)
  assert.ok(readRssBytes(process.pid) > 10 << 20)
})

test('programs tell their versions in many ways', () => {
  assert.equal(parseVersion('nginx version: nginx/1.22.1\n'), '1.22.1')
  assert.equal(parseVersion('varnishd (varnish-7.1.1 revision 7cee)'), '7.1.1')
  assert.equal(parseVersion('no idea'), 'unknown')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createFarm } from './pinyon.ts'

test('without a server, too, no generation comes back of which a snapshot is gone', async (t) => {
  const farm = createFarm(t, ['one', 'two'], { retention: { keep: 1, keep_used: '1s' } })
  for (const version of ['1', '2']) {
    for (const mirror of ['one', 'two']) farm.publish(mirror, [{ name: 'p', version }])
    await farm.sync()
  }
  assert.equal((await farm.run('rollback', '--generation', '2', '--dry-run')).code, 0)
  assert.match((await farm.run('gc')).stdout, /^2 of 4 snapshots went/)
  const { code, stdout, stderr } = await farm.run('rollback', '--generation', '2', '--dry-run')
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /^generation 2 cannot come back, of its snapshots are gone: one 20\S+, two 20\S+\n$/)
})

import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { startServer } from '../support/start-server.ts'
import { createFarm, pinyon } from './pinyon.ts'

const FIRST = [{ name: 'a' }, { name: 'b' }, { name: 'c' }]

test('fetch gets what else would wait to be asked for, with and without a server', async (t) => {
  const farm = createFarm(t, ['m'], { policy: 'on_demand' })
  const none = await farm.run('fetch', 'm', '--all')
  assert.deepEqual([none.code, none.stderr], [1, 'no snapshot yet of: m\n'])
  for (const which of ['--all', '--at-risk']) {
    const unknown = await farm.run('fetch', 'nosuch', which)
    assert.deepEqual([unknown.code, unknown.stderr], [1, 'no such mirror, there is m: nosuch\n'])
  }
  farm.publish('m', FIRST)
  await farm.run('sync')
  const unused = await farm.run('fetch', 'm')
  assert.deepEqual([unused.code, unused.stdout], [3, 'm: nothing to fetch, it is cached already\n'])
  const one = await farm.run('fetch', 'm', 'a-1.0-1.noarch')
  assert.deepEqual([one.code, one.stdout], [0, 'm: 1 of 1 package fetched, 1000 B\n'])
  const unknown = await farm.run('fetch', 'm', 'a', 'x*')
  assert.deepEqual(
    [unknown.code, unknown.stderr],
    [1, 'the current snapshot of m lists no such package: x*\n'],
  )

  const server = await startServer(t, { dir: farm.dir, text: readFileSync(farm.configFile, 'utf8') })
  const all = await farm.run('fetch', 'm', '--all', '--json')
  const summary = JSON.parse(all.stdout) as Record<string, unknown>
  assert.deepEqual([all.code, summary['fetched'], summary['stopped']], [0, 2, null])
  const status = await farm.run('status')
  assert.match(status.stdout, /^m +\S+ +1 +3 of 3 +/m)

  // One leaves with its file, one without; both were cached only in part.
  farm.publish('m', [...FIRST, { name: 'd' }, { name: 'e' }], 1_600_000_000)
  await farm.run('sync')
  farm.publish('m', [{ name: 'a' }], 1_600_000_001)
  rmSync(join(farm.dir, 'upstream/m/Packages/d/d-1.0-1.noarch.rpm'))
  await farm.run('sync')
  const risky = await farm.run('status')
  assert.match(
    risky.stdout,
    /^Needs a look:\n {2}m has 2 packages at risk\. .* See pinyon fetch m --at-risk\.$/m,
  )
  const saved = await farm.run('fetch', 'm', '--at-risk')
  assert.deepEqual(
    [saved.code, saved.stdout],
    [1, 'm: 1 of 2 packages fetched, 1000 B; 1 lost: no source has them\n'],
  )
  assert.match((await farm.run('status')).stdout, /^ {2}m lists 1 package that is lost\. /m)
  const denied = await pinyon(['fetch', 'm', '--all', '--server', server.url])
  assert.equal(denied.code, 1)
  assert.match(denied.stderr, /no tokens/)
})

test('fetch is told what to fetch in one way', async (t) => {
  const farm = createFarm(t, ['m'])
  const both = await farm.run('fetch', 'm', 'a', '--all')
  assert.deepEqual(
    [both.code, both.stderr.split('\n')[0]],
    [2, 'error: name either packages, --at-risk or --all'],
  )
})

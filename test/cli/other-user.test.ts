import assert from 'node:assert/strict'
import { chownSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { needs } from '../support/tools.ts'
import { createFarm } from './pinyon.ts'

const NOBODY = 65_534

test("root writes nothing into another user's data directory", needs('nobody'), async (t) => {
  const farm = createFarm(t, ['m'])
  farm.publish('m', [{ name: 'a' }])
  const refuse = async (path: string, ...commands: readonly (readonly string[])[]) => {
    for (const args of commands) {
      const { code, stdout, stderr } = await farm.run(...args)
      assert.deepEqual([code, stdout], [1, ''], args.join(' '))
      assert.equal(stderr, `run this as the server's user, who has ${path}: uid ${NOBODY}\n`)
    }
  }
  // As an installed package has it before its server's first start.
  mkdirSync(farm.dataDir)
  chownSync(farm.dataDir, NOBODY, NOBODY)
  await refuse(farm.dataDir, ['sync'])
  chownSync(farm.dataDir, 0, 0)
  assert.equal((await farm.run('sync')).code, 0)
  const database = join(farm.dataDir, 'pinyon.db')
  chownSync(database, NOBODY, NOBODY)
  await refuse(database, ['sync'], ['gc'], ['verify'], ['verify', '--rebuild'], ['fetch', 'm'])
  for (const args of [['status'], ['gc', '--dry-run'], ['verify', '--dry-run']])
    assert.equal((await farm.run(...args)).code, 0, args.join(' '))
  rmSync(database)
  const inventory = join(farm.dataDir, 'inventory.v1')
  chownSync(inventory, NOBODY, NOBODY)
  await refuse(inventory, ['verify', '--rebuild'])
  chownSync(inventory, 0, 0)
  assert.equal((await farm.run('verify', '--rebuild')).code, 0)
})

import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { needs } from '../../support/tools.ts'
import { startFarm, type Farm } from './farm.ts'
import { manifest } from './manifest.ts'
import { NAMED } from './slave.ts'
import { CrashingCommands, type ClientOptions } from './run-client.ts'

const SHARED_MEMORY = '/dev/shm'

// A slave whose /var is a file system of its own: the journal can hold copies only.

/** A farm whose journal, in each run with these options, lies on another file system than its configuration. */
async function start(t: TestContext): Promise<Farm & { apart: ClientOptions; named: string[] }> {
  const farm = await startFarm(t)
  const other = mkdtempSync(join(SHARED_MEMORY, 'pinyon-'))
  t.after(() => rmSync(other, { recursive: true, force: true }))
  assert.notEqual(statSync(other).dev, statSync(farm.root).dev)
  mkdirSync(farm.client.journal)
  const mount = `mount --bind ${other} ${farm.client.journal} && exec "$@"`
  const named = NAMED.map((name) => join(farm.root, name))
  return { ...farm, named, apart: { wrap: ['unshare', '-m', 'sh', '-c', mount, '--'] } }
}

const skip = needs('root', 'unshare')

describe('with a journal on another file system', skip, () => {
  test('the original inode comes back all the same', async (t) => {
    const { client, root, apart, named } = await start(t)
    const before = manifest(root)
    await client.must(['begin', ...named], apart)
    appendFileSync(join(root, 'etc/yum.repos.d/m.repo'), '# of the job\n')
    rmSync(join(root, 'etc/yum.repos.d/twice.repo'))
    await client.must(['rollback'], apart)
    assert.deepEqual(manifest(root), before)
    await client.must(['begin', ...named], apart)
    await client.must(['commit'], apart)
    assert.equal(
      manifest(root).some((line) => line.includes('.pinyon-')),
      false,
    )
  })

  test('a second name that a job wrote to does not spoil what comes back', async (t) => {
    const { client, root, apart } = await start(t)
    const text = readFileSync(join(root, 'etc/yum.repos.d/twice.repo'), 'utf8')
    await client.must(['begin'], apart)
    writeFileSync(join(root, 'etc/shared/second-name'), '# written over\n')
    await client.must(['rollback'], apart)
    assert.equal(readFileSync(join(root, 'etc/yum.repos.d/twice.repo'), 'utf8'), text)
  })

  test('a kill is undone (some moments of it)', async (t) => {
    const { client, root, apart, named, scratch } = await start(t)
    const commands = new CrashingCommands(scratch)
    const before = manifest(root)
    const moments = { begin: [180, 200, 222], rollback: [36, 67, 98] }
    for (const [command, points] of Object.entries(moments))
      for (const at of points) {
        if (command === 'rollback') await client.must(['begin', ...named], apart)
        const args = command === 'begin' ? ['begin', ...named] : ['rollback']
        const { code } = await client.run(args, { ...apart, ...commands.at({ at, when: 'after' }) })
        const where = `${command} killed after command ${at}: ${commands.where()}`
        assert.equal(code, -1, where)
        await client.must(['rollback'], apart)
        assert.deepEqual(manifest(root), before, where)
      }
  })
})

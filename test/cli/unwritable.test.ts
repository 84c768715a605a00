import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { runCommand } from '../support/run-command.ts'
import { needs } from '../support/tools.ts'
import { createFarm, MAIN } from './pinyon.ts'

test(
  'a database that may not be written is not told as an address that cannot be had',
  needs('nobody'),
  async (t) => {
    const farm = createFarm(t, ['m'])
    farm.publish('m', [{ name: 'a' }])
    assert.equal((await farm.run('sync')).code, 0)
    for (const open of [farm.dir, farm.dataDir, join(farm.dataDir, 'run'), join(farm.dataDir, 'blobs.v1')])
      chmodSync(open, 0o777)
    chmodSync(join(farm.dir, '..'), 0o711)
    chmodSync(join(farm.dataDir, 'blobs.v1/temporary'), 0o777)
    const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath]
    const args = [...asNobody, MAIN, 'serve', '--config', farm.configFile]
    const { code, stderr } = await runCommand('setpriv', args, { env: { PINYON_LOG: 'silent' } })
    assert.equal(code, 1)
    assert.match(stderr, /^data_dir cannot be used: \S+: .*\(uid 65534\)/m)
    assert.doesNotMatch(stderr, /cannot listen/)
  },
)

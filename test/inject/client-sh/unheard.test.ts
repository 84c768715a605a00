import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { startFarm } from './farm.ts'
import { manifest } from './manifest.ts'
import { SHELLS } from './run-client.ts'
import { write } from './slave.ts'

describe('what it says is for nobody', () => {
  for (const shell of SHELLS)
    test(`and it does the same: ${shell}`, async (t) => {
      const { client, root, scratch } = await startFarm(t)
      const before = manifest(root)
      const pipe = join(scratch, 'pipe')
      for (const [why, command] of [
        ['it is closed', 'exec "$@" 2>&-'],
        ['all is closed', 'exec "$@" <&- >&- 2>&-'],
        ['the disk of the log is full', 'exec "$@" 2>/dev/full'],
        ['its reader is gone', `mkfifo ${pipe} && exec 3<>${pipe} 4>${pipe} 3>&- && exec "$@" 2>&4`],
      ] as const) {
        const options = { shell, wrap: ['sh', '-c', `rm -f ${pipe}; ${command}`, 'sh'] }
        assert.equal((await client.run(['begin'], options)).code, 0, `begin: ${why}`)
        assert.ok(client.isOpen, why)
        write(root, 'etc/yum.repos.d/job.repo', '[job]\nbaseurl=http://job.example/\n')
        assert.equal((await client.run(['rollback'], options)).code, 0, `rollback: ${why}`)
        assert.deepEqual(manifest(root), before, why)
      }
    })
})

test('options that a shell has from its environment do not count', async (t) => {
  const { client } = await startFarm(t)
  const options = { shell: 'bash', env: { SHELLOPTS: 'noclobber' } }
  await client.must(['begin'], options)
  await client.must(['rollback'], options)
})

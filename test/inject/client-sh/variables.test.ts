import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { startFarm } from './farm.ts'
import { manifest } from './manifest.ts'
import { SHELLS } from './run-client.ts'
import { write } from './slave.ts'

const REPO = '[m$releasever]\nmetalink=http://gone.example/$releasever/$basearch\n'
const RELEASE = 'NAME="CentOS Stream"\nVERSION="2"\nID="centos"\nVERSION_ID="2.4"\n'

describe('$releasever in the id of a repository', () => {
  for (const shell of SHELLS)
    test(`is that of the release, or what yum and dnf are told, by ${shell}`, async (t) => {
      const { client, root, current } = await startFarm(t)
      const file = 'etc/yum.repos.d/by release.repo'
      write(root, file, REPO)
      write(root, 'usr/lib/os-release', RELEASE)
      symlinkSync('/usr/lib/os-release', join(root, 'etc/os-release'))
      const before = manifest(root)
      const baseurl = async () => {
        const { stderr } = await client.must(['begin'], { shell })
        const [, found] = /^baseurl=(.*)$/m.exec(readFileSync(join(root, file), 'utf8')) ?? []
        await client.must(['rollback'], { shell })
        return found ?? stderr
      }
      assert.equal(await baseurl(), await current('m2'))
      assert.deepEqual(manifest(root), before)
      if (shell !== SHELLS[0]) return
      write(root, 'etc/yum/vars/releasever', '3\n')
      assert.match(await baseurl(), /no mirror has the name m3\b/)
      write(root, 'etc/dnf/vars/releasever', '2\n')
      assert.equal(await baseurl(), await current('m2'))
    })

  test('is unknown where nothing usable says it, and no file outside the root is read for it', async (t) => {
    const { client, root, scratch } = await startFarm(t)
    write(root, 'etc/yum.repos.d/m2.repo', REPO)
    writeFileSync(join(scratch, 'outside'), '2\n')
    write(root, 'etc/dnf/vars/releasever', '2&view=other\n')
    mkdirSync(join(root, 'etc/yum/vars'), { recursive: true })
    symlinkSync(join(scratch, 'outside'), join(root, 'etc/yum/vars/releasever'))
    const { stderr } = await client.must(['begin'])
    assert.match(stderr, /no mirror has the name m\$releasever/)
  })
})

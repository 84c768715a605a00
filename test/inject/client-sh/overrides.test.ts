import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { startFarm, type Farm } from './farm.ts'
import { manifest } from './manifest.ts'
import { SHELLS } from './run-client.ts'
import { write } from './slave.ts'

const DIRECTORY = 'etc/dnf/repos.override.d'
/** As `dnf5 config-manager setopt` writes it. */
const OVERRIDES = `${DIRECTORY}/99-config_manager.repo`
const ALL = '[*]\nskip_if_unavailable=1\n'

/** A slave on which keys of repositories were set by dnf 5, which believes them more than the repositories' own. */
async function start(t: TestContext): Promise<Farm & { read: (path: string) => string }> {
  const farm = await startFarm(t)
  write(farm.root, OVERRIDES, `${ALL}[m]\nbaseurl=http://nearer.example/m\nmetalink=\npriority=7\n`)
  return { ...farm, read: (path) => readFileSync(join(farm.root, path), 'utf8') }
}

describe('what dnf 5 overrides', () => {
  for (const shell of SHELLS)
    test(`leads to mirrors too, and is given back, by ${shell}`, async (t) => {
      const { client, root, read, current } = await start(t)
      const before = manifest(root)
      const { stderr } = await client.must(['begin', '--only-mirrored'], { shell })
      const expected = `${ALL}[m]\nbaseurl=${await current('m')}\npriority=7\nproxy=None\n`
      assert.equal(read(OVERRIDES), expected)
      assert.doesNotMatch(stderr, /\*/)
      write(root, OVERRIDES, '[m]\nenabled=0\n')
      write(root, `${DIRECTORY}/job.repo`, '[m]\nbaseurl=http://job.example/\n')
      await client.must(['rollback'], { shell })
      assert.deepEqual(manifest(root), before)
    })

  test('is nothing where a --conf has the only repositories', async (t) => {
    const { client, root, read, scratch, current } = await start(t)
    const before = manifest(root)
    write(scratch, 'override.conf', `[main]\n[m]\nbaseurl=${await current('m')}\n`)
    await client.must(['begin', '--conf', join(scratch, 'override.conf')])
    assert.equal(read(OVERRIDES), '')
    assert.match(read('etc/yum.repos.d/m.repo'), /mirrorlist/)
    await client.must(['rollback'])
    assert.deepEqual(manifest(root), before)
  })
})

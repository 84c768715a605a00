import assert from 'node:assert/strict'
import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { startFarm, type Farm } from './farm.ts'
import { manifest } from './manifest.ts'
import { SHELLS } from './run-client.ts'
import { NAMED, write, YUM_CACHE } from './slave.ts'

/** A farm and what to name to begin. */
async function start(t: TestContext): Promise<Farm & { read: (path: string) => string; named: string[] }> {
  const farm = await startFarm(t)
  const read = (path: string) => readFileSync(join(farm.root, path), 'utf8')
  return { ...farm, read, named: NAMED.map((name) => join(farm.root, name)) }
}

describe('a transaction', () => {
  for (const shell of SHELLS)
    test(`begins, and is rolled back to the last inode, by ${shell}`, async (t) => {
      const { client, root, read, named, current } = await start(t)
      const before = manifest(root)
      const begun = await client.must(['begin', '--view', 'job-1', ...named], { shell })
      assert.match(begun.stderr, /other vendor\.repo: no mirror has the name vendor/)
      assert.match(begun.stderr, /begun: view job-1, generation 2/)

      const [m, m2] = [await current('m'), await current('m2')]
      assert.equal(
        read('etc/yum.repos.d/m.repo'),
        `[m]\nname=m\n# kept\nskip_if_unavailable=1\nbaseurl=${m}\nproxy=None\n`,
      )
      assert.equal(
        read('etc/yum.repos.d/other vendor.repo'),
        '[vendor]\r\nbaseurl=http://vendor.example/\r\n',
      )
      assert.match(read('etc/shared/linked.repo'), new RegExp(`^baseurl=${m2}$`, 'm'))
      assert.match(read('etc/mock/el 9.cfg'), new RegExp(`^baseurl=${m}$`, 'm'))
      assert.match(read('etc/zypp/repos.d/z.repo'), new RegExp(`^baseurl=${m}$`, 'm'))
      assert.match(read('srv/job.repo'), new RegExp(`^baseurl=${m}$`, 'm'))
      assert.equal(readlinkSync(join(root, 'etc/yum.conf')), 'dnf/dnf.conf')
      assert.equal(readlinkSync(join(root, 'etc/yum.repos.d/absolute.repo')), '/etc/shared/linked.repo')
      assert.equal(read('etc/shared/second-name'), '[m]\nbaseurl=http://twice.example/m\n')
      assert.deepEqual(readdirSync(join(root, YUM_CACHE)), ['primary.sqlite'])
      const stat = lstatSync(join(root, 'etc/yum.repos.d/m.repo'))
      if (process.getuid?.() === 0) assert.deepEqual([stat.uid, stat.gid], [12, 34])
      assert.equal(statSync(client.journal).mode & 0o777, 0o700)

      await client.must(['rollback'], { shell })
      assert.deepEqual(manifest(root), before)
      assert.deepEqual(readdirSync(client.journal), ['lock'])
      await client.must(['rollback'], { shell })
      assert.deepEqual(manifest(root), before)
    })

  test('keeps mode, attributes and the time of what it does not change', async (t) => {
    const { client, root } = await start(t)
    const columns = (name: string) => {
      const line = manifest(root, { inodes: false }).find((entry) => entry.startsWith(`${name}|`)) ?? ''
      return line.split('|')
    }
    const [vendor, m] = [columns('etc/yum.repos.d/other vendor.repo'), columns('etc/yum.repos.d/m.repo')]
    await client.must(['begin'])
    assert.deepEqual(columns('etc/yum.repos.d/other vendor.repo'), vendor)
    const now = columns('etc/yum.repos.d/m.repo')
    assert.deepEqual([now[1], now[2], now[3], now[7]], [m[1], m[2], m[3], m[7]])
    assert.ok(
      Date.now() - Number(now[4]) / 1e6 < 600_000,
      'dnf takes a configuration younger than its cache for changed',
    )
  })

  test('undoes whatever the job did to what it covers', async (t) => {
    const { client, root, named } = await start(t)
    const before = manifest(root)
    await client.must(['begin', ...named])
    appendFileSync(join(root, 'etc/yum.repos.d/other vendor.repo'), 'enabled=0\n')
    rmSync(join(root, 'etc/yum.repos.d/m.repo'))
    mkdirSync(join(root, 'etc/yum.repos.d/m.repo'))
    rmSync(join(root, 'etc/yum.repos.d/absolute.repo'))
    symlinkSync('/tmp', join(root, 'etc/yum.repos.d/absolute.repo'))
    renameSync(join(root, 'etc/yum.repos.d/twice.repo'), join(root, 'etc/yum.repos.d/moved.repo'))
    write(root, 'etc/yum.repos.d/new one.repo', '[new]\n')
    write(root, 'etc/yum/yum.conf', '[main]\n')
    rmSync(join(root, 'etc/yum.conf'))
    write(root, 'etc/yum.conf', '[main]\n')
    write(root, join(YUM_CACHE, 'cachecookie'), '')
    rmSync(join(root, 'srv/job.repo'))
    const undone = await client.must(['rollback'])
    rmSync(join(root, 'etc/yum'), { recursive: true })
    assert.deepEqual(
      manifest(root).filter((line) => !line.startsWith('etc|')),
      before.filter((line) => !line.startsWith('etc|')),
    )
    for (const name of ['m.repo', 'absolute.repo', 'moved.repo', 'new one.repo', 'yum.conf'])
      assert.match(undone.stderr, new RegExp(`moved .*/${name}, which was not there before`))
    assert.equal(readdirSync(join(client.journal, 'removed')).length, 5)
  })

  test('gives back a directory that the job deleted', async (t) => {
    const { client, root } = await start(t)
    const before = manifest(root, { inodes: false })
    await client.must(['begin'])
    rmSync(join(root, 'etc/yum.repos.d'), { recursive: true })
    await client.must(['rollback'])
    // What it held beside covered files was nobody's to keep.
    const expected = before.filter((line) => !line.includes('/directory.repo|'))
    assert.deepEqual(manifest(root, { inodes: false }), expected)
  })

  test('has nothing against an empty file, or none at all', async (t) => {
    const { client, root } = await start(t)
    write(root, 'etc/yum.repos.d/empty.repo', '')
    const before = manifest(root)
    await client.must(['begin'])
    await client.must(['rollback'])
    assert.deepEqual(manifest(root), before)
    rmSync(join(root, 'etc'), { recursive: true })
    const none = manifest(root)
    await client.must(['begin'])
    await client.must(['rollback'])
    assert.deepEqual(manifest(root), none)
  })

  test('that is committed stays, and leaves nothing behind', async (t) => {
    const { client, root, read, named, current } = await start(t)
    await client.must(['begin', '--view', 'job-1', ...named])
    const begun = manifest(root, { inodes: false })
    await client.must(['commit', '--view', 'job-1'])
    assert.deepEqual(manifest(root, { inodes: false }), begun)
    assert.match(read('srv/job.repo'), new RegExp(`^baseurl=${await current('m')}$`, 'm'))
    assert.deepEqual(readdirSync(client.journal), ['lock'])
    const again = await client.run(['commit'])
    assert.deepEqual([again.code, again.stderr], [3, 'pinyon: nothing to commit: no transaction is open\n'])
    await client.must(['rollback'])
    assert.deepEqual(manifest(root, { inodes: false }), begun)
  })

  test('sees one index for all of its files, and that of its view', async (t) => {
    const { client, read, publish, current, app } = await start(t)
    await client.must(['begin', '--view', 'job-1', '--ttl', '2h'])
    const [view] = await app.store.views.list()
    assert.equal(view?.name, 'job-1')
    assert.equal(view.ttlMs, 2 * 3_600_000)
    const first = await current('m')
    await publish()
    assert.notEqual(await current('m'), first)
    await client.must(['begin', '--view', 'job-1'])
    assert.match(read('etc/yum.repos.d/m.repo'), new RegExp(`^baseurl=${first}$`, 'm'))
    await client.must(['begin', '--view', 'job-2'])
    assert.match(read('etc/yum.repos.d/m.repo'), new RegExp(`^baseurl=${await current('m')}$`, 'm'))
  })

  test('is told about by status', async (t) => {
    const { client, root, named } = await start(t)
    write(root, 'etc/yum.conf.old', '[main]\n')
    const closed = await client.must(['status'])
    assert.equal(closed.stdout, `leftover ${root}/etc/yum.conf.old\nopen no\n`)
    await client.must(['begin', '--view', 'job-1', '--ttl', '2h', ...named])
    const { stdout } = await client.must(['status'])
    const lines = stdout.trimEnd().split('\n')
    for (const line of [
      'open yes',
      'state begun',
      'view job-1',
      'generation 2',
      'lifetime 7200',
      'owner-alive yes',
      'tool-copy sound',
      `changed ${root}/etc/yum.repos.d/m.repo`,
      `kept ${root}/etc/yum.repos.d/other vendor.repo`,
      `created ${root}/srv/job.repo`,
      `uncached ${root}/${YUM_CACHE}/repomd.xml`,
    ])
      assert.ok(lines.includes(line), `${line}\n${stdout}`)
    assert.match(stdout, /^since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m)
    assert.match(stdout, /^tool [0-9a-f]{64}$/m)
  })
})

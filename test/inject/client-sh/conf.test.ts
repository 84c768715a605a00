import assert from 'node:assert/strict'
import { lstatSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { startFarm, type Farm } from './farm.ts'
import { manifest } from './manifest.ts'
import { write } from './slave.ts'

async function start(t: TestContext): Promise<Farm & { read: (path: string) => string; conf: string }> {
  const farm = await startFarm(t)
  const read = (path: string) => readFileSync(join(farm.root, path), 'utf8')
  return { ...farm, read, conf: join(farm.scratch, 'slave.conf') }
}

describe('begin --conf', () => {
  test('puts a set of repositories, pinned in it or not, in the place of all others', async (t) => {
    const { client, root, read, conf, scratch, current, publish } = await start(t)
    const pin = await current('m')
    await publish()
    const before = manifest(root)
    const text = (reposdir: string) =>
      `# of git\n[main]\ncachedir = /var/cache/yum/$basearch/$releasever\n${reposdir}plugins = 1\n\n[m]\nbaseurl = ${pin}\nproxy = _none_\n\n[m2]\nbaseurl = http://upstream.example/\n`
    write(scratch, 'slave.conf', text('reposdir = /srv/a\n  /srv/b\n'))
    const { stderr } = await client.must(['begin', '--view', 'job-1', '--conf', conf])
    assert.doesNotMatch(stderr, /vendor/, 'repositories that are disabled need no mirror')
    const installed = read('etc/dnf/dnf.conf')
    assert.equal(
      installed,
      `# of git\n[main]\nreposdir=/dev/null\ncachedir = /var/cache/yum/$basearch/$releasever\nplugins = 1\n\n[m]\nbaseurl = ${pin}\nproxy = _none_\n\n[m2]\nbaseurl = ${await current('m2')}\nproxy = None\n`,
    )
    assert.equal(lstatSync(join(root, 'etc/dnf/dnf.conf')).mode & 0o777, 0o640)
    assert.ok(lstatSync(join(root, 'etc/yum.conf')).isSymbolicLink())
    assert.match(read('etc/yum.repos.d/m.repo'), /mirrorlist/, 'files that nobody reads are left alone')
    await client.must(['rollback'])
    assert.deepEqual(manifest(root), before)
  })

  test('leaves no reposdir in it, however that is written', async (t) => {
    const { client, read, conf, scratch } = await start(t)
    for (const reposdir of ['REPOSDIR: /x\nReposDir=/y\n', 'reposdir = /a\n# c\n\n  /b\n']) {
      write(
        scratch,
        'slave.conf',
        `\ufeff[main]\n${reposdir}plugins=1\n[m2]\nbaseurl=http://upstream.example/\n`,
      )
      await client.must(['begin', '--conf', conf])
      assert.match(read('etc/dnf/dnf.conf'), /^\[main\]\nreposdir=\/dev\/null\nplugins=1\n\[m2\]\n/)
      await client.must(['rollback'])
    }
  })

  test('goes into each of yum.conf and dnf.conf, and rollback gives both back', async (t) => {
    const { client, root, read, scratch } = await start(t)
    rmSync(join(root, 'etc/yum.conf'))
    write(root, 'etc/yum.conf', '[main]\n# of yum\n')
    write(root, 'etc/yum/yum.conf', '[main]\n# of old yum\n')
    write(scratch, 'slave.conf', '[main]\n[m2]\nbaseurl=http://upstream.example/\n')
    const before = manifest(root)
    await client.must(['begin', '--conf', 'slave.conf'], { cwd: scratch })
    for (const name of ['yum.conf', 'yum/yum.conf', 'dnf/dnf.conf'])
      assert.match(read(`etc/${name}`), /^\[main\]\nreposdir=\/dev\/null\n\[m2\]\nbaseurl=http:\/\/127/)
    await client.must(['rollback'])
    assert.deepEqual(manifest(root), before)
  })

  test('is refused when a pin of it does not answer, it has no [main], or nothing could take it', async (t) => {
    const { client, root, conf, scratch, url } = await start(t)
    const before = manifest(root)
    const refuse = async (message: RegExp) => {
      const { code, stderr } = await client.run(['begin', '--conf', conf])
      assert.deepEqual([code, message.test(stderr)], [1, true], stderr)
    }
    await refuse(/--conf: no such file: .*slave\.conf/)
    write(scratch, 'slave.conf', `[main]\n[m]\nbaseurl=${url}/repos/yum/m/2016-12-13-13-30\n`)
    await refuse(/no repository answers at http:.*\/m\/2016-12-13-13-30/)
    write(scratch, 'slave.conf', '[m]\nbaseurl=http://upstream.example/\n')
    await refuse(/--conf: expected a configuration with a section \[main\]/)
    assert.deepEqual(manifest(root), before)
    write(scratch, 'slave.conf', '[main]\n')
    rmSync(join(root, 'etc/dnf'), { recursive: true })
    rmSync(join(root, 'etc/yum.conf'))
    await refuse(/has no yum\.conf and no dnf\.conf, whose place/)
  })
})

describe('begin', () => {
  test('disables with --only-mirrored what found no mirror', async (t) => {
    const { client, root, read } = await start(t)
    const before = manifest(root)
    await client.must(['begin', '--only-mirrored'])
    assert.match(read('etc/yum.repos.d/other vendor.repo'), /^enabled=0\r?$/m)
    await client.must(['rollback'])
    assert.deepEqual(manifest(root), before)
  })

  test('warns of skip_if_unavailable, and keeps it', async (t) => {
    const { client, read } = await start(t)
    const { stderr } = await client.must(['begin'])
    assert.match(stderr, /m\.repo:5: .*\[m\]/)
    assert.match(read('etc/yum.repos.d/m.repo'), /^skip_if_unavailable=1$/m)
  })

  for (const command of ['begin', 'rollback'])
    test(`that an older tool left open is undone by ${command}`, async (t) => {
      const { client, root, read } = await start(t)
      write(root, 'etc/dnf/dnf.conf.old', '[main]\n# older\n')
      renameSync(join(root, 'etc/yum.conf'), join(root, 'kept'))
      const before = manifest(root)
      // What `cp --backup --suffix=.rbk` does with a link: it becomes the backup, and a file takes its place.
      renameSync(join(root, 'kept'), join(root, 'etc/yum.conf.rbk'))
      write(root, 'etc/yum.conf', '[main]\n# of a trial\n')
      const { stderr } = await client.must([command])
      assert.match(stderr, /an older tool's change was open, and is undone: .*yum\.conf$/m)
      assert.ok(lstatSync(join(root, 'etc/yum.conf')).isSymbolicLink())
      assert.match(read('etc/dnf/dnf.conf'), /gpgcheck=1/)
      const { stdout } = await client.must(['status'])
      assert.match(stdout, /^leftover .*\/etc\/dnf\/dnf\.conf\.old$/m)
      await client.must(['rollback'])
      renameSync(join(root, 'etc/yum.conf'), join(root, 'kept'))
      assert.deepEqual(manifest(root).filter(isNotMoved), before.filter(isNotMoved))
    })

  test('follows a directory of configuration that is a link', async (t) => {
    const { client, root, read, current } = await start(t)
    renameSync(join(root, 'etc/yum.repos.d'), join(root, 'srv/repos'))
    symlinkSync('/srv/repos', join(root, 'etc/yum.repos.d'))
    const before = manifest(root)
    await client.must(['begin'])
    assert.match(read('srv/repos/m.repo'), new RegExp(`^baseurl=${await current('m')}$`, 'm'))
    rmSync(join(root, 'etc/yum.repos.d'))
    await client.must(['rollback'])
    assert.deepEqual(manifest(root), before)
  })
})

/** Times of these changed as the test moved a file. */
function isNotMoved(line: string): boolean {
  return !/^(etc||kept)\|/.test(line)
}

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { needs } from '../../support/tools.ts'
import { startFarm } from './farm.ts'
import { manifest } from './manifest.ts'
import { CLIENT, write } from './slave.ts'

describe('a rollback', () => {
  test('takes nothing that is not there because of the job: what a masked repository’s link leads to', async (t) => {
    const { client, root } = await startFarm(t)
    symlinkSync('/dev/null', join(root, 'etc/yum.repos.d/masked.repo'))
    await client.must(['begin'])
    // As a mount beneath the root would have it.
    write(root, 'dev/null', 'of the machine\n')
    await client.must(['rollback'])
    assert.equal(readFileSync(join(root, 'dev/null'), 'utf8'), 'of the machine\n')
    assert.deepEqual(readdirSync(client.journal), ['lock'])
  })

  test('undoes what an older tool has begun meanwhile before what was there before that', async (t) => {
    const { client, root } = await startFarm(t)
    const before = manifest(root)
    const conf = join(root, 'etc/dnf/dnf.conf')
    const begin = async (view: string, ...more: string[]) => {
      await client.must(['begin', '--view', view, ...more])
      copyFileSync(conf, `${conf}.rbk`)
      write(root, 'etc/dnf/dnf.conf', '[main]\n# of the older tool\n')
    }
    await begin('job-1')
    const other = await client.must(['rollback', '--view', 'job-2'])
    assert.match(other.stderr, /nothing to undo/)
    assert.match(readFileSync(conf, 'utf8'), /of the older tool/, 'it is another job’s')
    const { stderr } = await client.must(['rollback', '--view', 'job-1'])
    assert.match(
      stderr,
      /an older tool's change was open, and is undone: .*dnf\.conf\n.*undone: the transaction/,
    )
    assert.deepEqual(manifest(root), before)
    // So does the next begin.
    await begin('job-3', '--pid', String(await endedProcess()))
    await client.must(['begin'])
    await client.must(['rollback'])
    assert.deepEqual(manifest(root), before)
  })

  test('keeps every file that it sets aside, of one name as well', async (t) => {
    const { client, root } = await startFarm(t)
    await client.must(['begin'])
    write(root, 'etc/yum.repos.d/job.repo', 'one\n')
    write(root, 'etc/zypp/repos.d/job.repo', 'two\n')
    await client.must(['rollback'])
    assert.deepEqual(readRemoved(client.journal), ['one\n', 'two\n'])
  })

  test('keeps what it sets aside for a begin until the next one', async (t) => {
    const { client, root } = await startFarm(t)
    await client.must(['begin', '--pid', String(await endedProcess())])
    write(root, 'etc/yum.repos.d/precious.repo', 'precious\n')
    const { stderr } = await client.must(['begin'])
    assert.match(stderr, /moved .*precious\.repo/)
    assert.deepEqual(readRemoved(client.journal), ['precious\n'])
    await client.must(['rollback'])
    assert.deepEqual(readRemoved(client.journal), ['precious\n'])
    await client.must(['begin'])
    assert.deepEqual(readdirSync(client.journal).toSorted(), ['lock', 'open'])
  })

  test(
    'makes directories on the way to a deleted one as they were, and says what it cannot',
    needs('root'),
    async (t) => {
      const { client, root } = await startFarm(t)
      write(root, 'data/of the slave/yum/m.repo', '[m]\nbaseurl=http://upstream.example/m\n')
      rmSync(join(root, 'etc/yum.repos.d'), { recursive: true })
      symlinkSync('/data/of the slave/yum', join(root, 'etc/yum.repos.d'))
      chmodSync(join(root, 'data'), 0o700)
      chownSync(join(root, 'data/of the slave'), 12, 34)
      chmodSync(join(root, 'data/of the slave'), 0o750)
      await client.must(['begin'])
      rmSync(join(root, 'data'), { recursive: true })
      const { stderr } = await client.must(['rollback'])
      const facts = (path: string) => {
        const { mode, uid, gid } = statSync(join(root, path))
        return [(mode & 0o7777).toString(8), uid, gid]
      }
      assert.deepEqual(facts('data'), ['700', 0, 0])
      assert.deepEqual(facts('data/of the slave'), ['750', 12, 34])
      assert.match(stderr, /made again, without its extended attributes: .*\/data\/of the slave\/yum$/m)
      assert.match(readFileSync(join(root, 'data/of the slave/yum/m.repo'), 'utf8'), /upstream\.example/)
    },
  )

  test(
    'gives back what lies in the root directory, or behind a link there',
    needs('root', 'unshare', 'chroot'),
    async (t) => {
      const { client, root, url } = await startFarm(t)
      rmSync(join(root, 'etc/mock'), { recursive: true })
      for (const name of ['usr', 'lib', 'lib64', 'bin', 'proc', 'dev', 'tmp', 'etc/alternatives'])
        mkdirSync(join(root, name))
      write(root, 'check.repos', 'm,http://upstream.example/m\n')
      write(root, 'data/home/check.repos', 'm,http://upstream.example/m\n')
      symlinkSync('data/home', join(root, 'home'))
      copyFileSync(CLIENT, join(root, 'client.sh'))
      const before = manifest(root)
      const mounts = ['usr', 'lib', 'lib64', 'bin', 'etc/alternatives', 'dev'].map(
        (name) => `mount --bind /${name} ${root}/${name} 2>/dev/null || true`,
      )
      const job = `sh client.sh begin --server ${url} /check.repos /home/check.repos && ls /check.repo /home/check.repo && sh client.sh rollback`
      const script = `${mounts.join('\n')}\nmount -t proc proc ${root}/proc\nexec chroot ${root} /bin/sh -c '${job}'`
      const child = spawn('unshare', ['-m', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'pipe'] })
      const [said, [code]] = await Promise.all([
        child.stderr.toArray().then((chunks) => Buffer.concat(chunks as Buffer[]).toString()),
        once(child, 'close') as Promise<[number]>,
        child.stdout.toArray(),
      ])
      assert.equal(code, 0, said)
      assert.equal(client.isOpen, false)
      const after = manifest(root).filter((line) => !line.startsWith('var/lib'))
      assert.deepEqual(
        after,
        before.filter((line) => !line.startsWith('var/lib')),
        said,
      )
    },
  )
})

describe('a list that is named to begin', () => {
  test('is refused beside the file that is made of it, in either order', async (t) => {
    const { client, root } = await startFarm(t)
    write(root, 'srv/job.repo', '[m]\nbaseurl=http://upstream.example/m\n')
    const before = manifest(root)
    for (const names of [
      ['srv/job.repo', 'srv/job.repos'],
      ['srv/job.repos', 'srv/job.repo'],
    ]) {
      const { code, stderr } = await client.run(['begin', ...names.map((name) => join(root, name))])
      assert.equal(code, 1)
      assert.match(stderr, /it is named, and made of a list as well: .*\/srv\/job\.repo\n/)
    }
    assert.deepEqual(manifest(root), before)
  })

  test('of one distribution makes a file of that beside it', async (t) => {
    const { client, root, current } = await startFarm(t)
    write(root, 'srv/check.repos.el9', 'm,http://upstream.example/m\n')
    await client.must(['begin', join(root, 'srv/check.repos.el9')])
    assert.match(readFileSync(join(root, 'srv/check.repos.el9'), 'utf8'), /^m,http/)
    const made = readFileSync(join(root, 'srv/check.repos.el9.repo'), 'utf8')
    assert.ok(made.includes(`baseurl=${await current('m')}`), made)
    await client.must(['rollback'])
    assert.equal(readdirSync(join(root, 'srv')).includes('check.repos.el9.repo'), false)
  })
})

/** What was set aside, in the order of its names. */
function readRemoved(journal: string): string[] {
  const removed = join(journal, 'removed')
  return readdirSync(removed)
    .toSorted()
    .map((name) => readFileSync(join(removed, name), 'utf8'))
    .toSorted()
}

/** The number of a process that is no more: whose job it is has gone. */
async function endedProcess(): Promise<number> {
  const child = spawn('true')
  await once(child, 'close')
  return child.pid ?? 0
}

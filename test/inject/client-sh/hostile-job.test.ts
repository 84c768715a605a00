import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { needs } from '../../support/tools.ts'
import { startFarm, type Farm } from './farm.ts'
import { manifest } from './manifest.ts'
import { CLIENT, write, YUM_CACHE } from './slave.ts'

/** A tree that is none of the slave's root, with files of the names that the client covers. */
function writeHost(farm: Farm): string {
  const host = join(farm.scratch, 'host')
  for (const name of ['m.repo', 'other.repo']) write(host, `etc/yum.repos.d/${name}`, 'of the host\n')
  write(host, 'etc/yum.conf', 'of the host\n')
  return host
}

/** Begins, lets a job do something, rolls back, and tells what the slave was before. */
async function undo(t: TestContext, job: (farm: Farm) => void) {
  const farm = await startFarm(t)
  const before = manifest(farm.root, { inodes: false })
  await farm.client.must(['begin'])
  job(farm)
  const { stderr } = await farm.client.must(['rollback'])
  return { ...farm, before, stderr }
}

describe('what a job has done cannot keep it from being undone', () => {
  test('a link in the place of a directory leads nothing out of the root', async (t) => {
    for (const name of ['etc/yum.repos.d', 'etc']) {
      let host = ''
      const { root, scratch, stderr } = await undo(t, (farm) => {
        host = writeHost(farm)
        renameSync(join(farm.root, name), join(farm.scratch, 'moved'))
        symlinkSync(join(host, name), join(farm.root, name))
      })
      assert.match(stderr, new RegExp(`moved .*/${name}, which was not there before`))
      assert.deepEqual(readdirSync(join(host, 'etc/yum.repos.d')), ['m.repo', 'other.repo'])
      assert.equal(readFileSync(join(host, 'etc/yum.repos.d/m.repo'), 'utf8'), 'of the host\n')
      assert.match(readFileSync(join(root, 'etc/yum.repos.d/m.repo'), 'utf8'), /^mirrorlist=/m)
      rmSync(join(scratch, 'moved'), { recursive: true })
    }
  })

  test('a file in the place of a directory, another mode, a directory in the place of a new file', async (t) => {
    const { root, before } = await undo(t, ({ root, client }) => {
      rmSync(join(root, 'etc/dnf'), { recursive: true })
      writeFileSync(join(root, 'etc/dnf'), '')
      chmodSync(join(root, 'etc/yum.repos.d'), 0o700)
      const list = readFileSync(join(client.journal, 'open/list'), 'utf8')
      const number = /^file (\S+) .*\/m\.repo$/m.exec(list)?.[1] ?? ''
      mkdirSync(join(root, 'etc/yum.repos.d', `.pinyon-${number}`))
    })
    assert.deepEqual(manifest(root, { inodes: false }), before)
  })

  test('directories above a cache that it deleted are readable to all', async (t) => {
    const { root } = await undo(t, ({ root }) => rmSync(join(root, 'var/cache'), { recursive: true }))
    assert.equal(statSync(join(root, 'var/cache/yum')).mode & 0o777, 0o755)
    assert.equal(readFileSync(join(root, YUM_CACHE, 'repomd.xml'), 'utf8'), 'old repomd.xml\n')
  })

  test('a second name of a file, written to, leaves the file as it was', async (t) => {
    const { root } = await undo(t, ({ root }) => {
      appendFileSync(join(root, 'etc/shared/second-name'), 'of the job\n')
      chmodSync(join(root, 'etc/shared/second-name'), 0o666)
    })
    const file = join(root, 'etc/yum.repos.d/twice.repo')
    assert.equal(readFileSync(file, 'utf8'), '[m]\nbaseurl=http://twice.example/m\n')
    assert.equal(statSync(file).mode & 0o777, 0o644)
  })

  test('an emptied lock is made anew', async (t) => {
    const { client, root, before } = await undo(t, ({ client }) => rmSync(join(client.journal, 'lock/free')))
    assert.deepEqual(manifest(root, { inodes: false }), before)
    assert.deepEqual(readdirSync(join(client.journal, 'lock')), ['free'])
  })

  test(
    'a further repository goes aside where the journal’s disk is full',
    needs('root', 'unshare'),
    async (t) => {
      const { client, root } = await startFarm(t)
      mkdirSync(client.journal)
      const script = `mount -t tmpfs -o size=1m,mode=700 none ${client.journal} && "$@" && echo >${root}/etc/yum.repos.d/new.repo &&
      { yes >${client.journal}/fill; true; } && shift 3 && exec sh ${client.journal}/open/client.sh rollback --root ${root}`
      const { code, stderr } = await client.run(['begin'], {
        wrap: ['unshare', '-m', 'sh', '-c', script, '--'],
      })
      assert.equal(code, 0, stderr)
      assert.match(stderr, /moved .*new\.repo, .* to .*\/etc\/yum\.repos\.d\/new\.repo\.pinyon-removed/)
      assert.equal(existsSync(join(root, 'etc/yum.repos.d/new.repo')), false)
    },
  )
})

describe('begin', () => {
  test('refuses a name with a line break before it touches anything', async (t) => {
    const { client, root } = await startFarm(t)
    write(root, 'etc/yum.repos.d/a\nb.repo', '[m]\nbaseurl=http://x.example/\n')
    const before = manifest(root)
    const { code, stderr } = await client.run(['begin'])
    assert.equal(code, 1)
    assert.match(stderr, /a line break in the name .*\/a\nb\.repo\npinyon: nothing was changed/)
    assert.deepEqual([manifest(root), client.isOpen], [before, false])
  })

  test('takes no cache by a link out of the root', async (t) => {
    const farm = await startFarm(t)
    const host = join(farm.scratch, 'host')
    write(host, '7/m/repomd.xml', 'of the host\n')
    rmSync(join(farm.root, 'var/cache/yum/x86_64'), { recursive: true })
    symlinkSync(host, join(farm.root, 'var/cache/yum/x86_64'))
    await farm.client.must(['begin'])
    assert.ok(existsSync(join(host, '7/m/repomd.xml')))
    await farm.client.must(['rollback'])
    assert.ok(existsSync(join(host, '7/m/repomd.xml')))
  })

  test('is not led astray by CDPATH', async (t) => {
    const { client, scratch, root } = await startFarm(t)
    const name = root.slice(root.lastIndexOf('/') + 1)
    mkdirSync(join(scratch, name))
    const options = { cwd: join(root, '..'), env: { CDPATH: scratch }, script: CLIENT }
    await client.must(['begin', '--root', name], options)
    assert.equal(client.isOpen, true)
  })
})

describe('from outside of a root', () => {
  test('nothing that lies in there is run', async (t) => {
    const farm = await startFarm(t)
    const { client, root } = farm
    const before = manifest(root)
    const copy = join(client.journal, 'open/client.sh')
    const witness = join(farm.scratch, 'ran')
    for (const next of ['rollback', 'begin']) {
      await client.must(['begin'], { script: CLIENT })
      writeFileSync(copy, `touch ${witness}\n`)
      const about = join(client.journal, 'open/about')
      const digest = createHash('sha256').update(readFileSync(copy)).digest('hex')
      writeFileSync(about, readFileSync(about, 'utf8').replace(/^tool .*$/m, `tool ${digest}`))
      await client.must([next], { script: CLIENT })
      assert.equal(existsSync(witness), false, next)
    }
    await client.must(['rollback'], { script: CLIENT })
    assert.deepEqual(manifest(root), before)
  })

  test('no path of its journal leads out, and no link there is followed', async (t) => {
    const farm = await startFarm(t)
    const { client, root, scratch } = farm
    const host = writeHost(farm)
    const target = join(host, 'etc/yum.conf')
    await client.must(['begin'], { script: CLIENT })
    const list = join(client.journal, 'open/list')
    for (const entry of [
      `file 1-1 ${target}`,
      `none 1-1 ${target}`,
      `file 1-1 ${root}/..${target.slice(join(root, '..').length)}`,
      `file 1/../../etc ${root}/etc/yum.conf`,
    ]) {
      writeFileSync(list, `${entry}\n`)
      writeFileSync(join(client.journal, 'open/orig/1-1'), 'evil\n')
      const { code, stderr } = await client.run(['rollback'], { script: CLIENT })
      assert.equal(code, 1, entry)
      assert.match(stderr, /not of this tool: /)
      assert.equal(readFileSync(target, 'utf8'), 'of the host\n')
    }
    rmSync(join(client.journal, 'open'), { recursive: true })
    symlinkSync(scratch, join(client.journal, 'removed'))
    const { stderr } = await client.run(['rollback'], { script: CLIENT })
    assert.match(stderr, /a link, which this tool did not make: .*\/removed/)
  })
})

test('a clock that jumps neither ends a transaction nor keeps it', needs('root'), async (t) => {
  const { client, scratch } = await startFarm(t)
  const date = join(scratch, 'date')
  mkdirSync(date)
  writeFileSync(
    join(date, 'date'),
    '#!/bin/sh\ncase $1 in +%s) echo 9999999999 ;; *) echo 2286-11-20T17:46:39Z ;; esac\n',
  )
  chmodSync(join(date, 'date'), 0o755)
  await client.must(['begin', '--ttl', '1h'])
  await client.must(['rollback', '--expired'], { path: [date] })
  assert.equal(client.isOpen, true)
  // A begin from before a reboot, after which the clock began anew.
  const about = join(client.journal, 'open/about')
  writeFileSync(about, readFileSync(about, 'utf8').replace(/^clock .*$/m, 'clock 999999999'))
  await client.must(['rollback', '--expired'], { path: [date] })
  assert.equal(client.isOpen, false)
})

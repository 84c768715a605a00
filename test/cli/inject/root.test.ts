import assert from 'node:assert/strict'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { expandParts, parseGlob, resolveWithin } from '../../../src/cli/inject/root.ts'
import { dataIndex, repoSection, startJob } from './job.ts'

const INDEX = dataIndex({ 'a-el9': 'http://h/a' })
const A = repoSection('a-el9')

function build(t: TestContext) {
  const job = startJob(t, {
    'image/etc/real.conf': 'in',
    'image/srv/x/y': '',
    'real.conf': 'out',
    'etc/real.conf': 'out',
  })
  const root = join(job.dir, 'image')
  return { ...job, root, link: (target: string, name: string) => symlinkSync(target, join(root, name)) }
}

describe('within a root', () => {
  test('links begin at it, and nothing leads out', async (t) => {
    const { root, link, dir } = build(t)
    link('/etc/real.conf', 'etc/absolute')
    link('../../../../../etc/real.conf', 'srv/x/up')
    link(join(dir, 'real.conf'), 'etc/outside')
    link('/', 'etc/top')
    link('loop', 'etc/loop')
    link('/srv', 'var')
    const inside = join(root, 'etc/real.conf')
    for (const path of [
      '/etc/real.conf',
      'etc/real.conf',
      '/etc/absolute',
      '/srv/x/up',
      '/var/x/up',
      '/../../etc/./real.conf',
      '/etc/top/etc/top/etc/absolute',
    ])
      assert.equal(await resolveWithin(root, path), inside, path)
    assert.equal(await resolveWithin(root, '/..'), root)
    await assert.rejects(resolveWithin(root, '/etc/outside'), { code: 'ENOENT' })
    await assert.rejects(resolveWithin(root, '/etc/loop'), { code: 'ELOOP' })
    await assert.rejects(resolveWithin(root, '/etc/real.conf/x'), { code: 'ENOTDIR' })
  })

  test('patterns are looked for as a shell there would', async (t) => {
    const { root, link } = build(t)
    for (const name of ['a.repo', 'b.repo', 'c[1].repo', '.d.repo', 'e.repo~'])
      writeFileSync(join(root, 'etc', name), '')
    link('/etc', 'srv/x/link')
    const expand = async (pattern: string) => await expandParts(root, parseGlob(pattern))
    assert.deepEqual(await expand('/etc/*.repo'), ['/etc/a.repo', '/etc/b.repo', '/etc/c[1].repo'])
    assert.deepEqual(await expand('/srv/*/link/[!a-b]*.repo'), ['/srv/x/link/c[1].repo'])
    assert.deepEqual(await expand('etc/.*.repo'), ['/etc/.d.repo'])
    assert.deepEqual(await expand('/e?c/../etc/?.repo'), ['/etc/../etc/a.repo', '/etc/../etc/b.repo'])
    for (const none of ['/none/*', '/etc/real.conf/*', '/*/none.repo', '/etc/*.none'])
      assert.deepEqual(await expand(none), [], none)
  })
})

describe('pinyon inject --root', () => {
  test('takes absolute paths, directories and patterns below it, and follows links as the image will', async (t) => {
    const { root, link, write, inject, dir } = build(t)
    write('image/opt/dnf.conf', A)
    write('image/etc/yum.repos.d/1.repo', A)
    write('image/etc/yum.repos.d/2.repo', A)
    write('image/etc/other/3.repo', A)
    write('opt/dnf.conf', A)
    mkdirSync(join(root, 'etc/dnf'))
    link('/opt/dnf.conf', 'etc/dnf/dnf.conf')
    link('../../../../../../../../etc/other/3.repo', 'etc/yum.repos.d/3.repo')
    const { code, stdout, stderr } = await inject([
      '--index',
      INDEX,
      '--root',
      'image',
      '/etc/dnf/dnf.conf',
      'etc/yum.repos.d',
      '/etc/*/1.repo',
    ])
    assert.equal(code, 0, stderr)
    const changed = ['etc/dnf/dnf.conf', ...[1, 2, 3].map((n) => `etc/yum.repos.d/${n}.repo`)]
    assert.equal(stdout, changed.map((name) => `${root}/${name}: a-el9 -> http://h/a\n`).join(''))
    assert.equal(readlinkSync(join(root, 'etc/dnf/dnf.conf')), '/opt/dnf.conf')
    assert.match(readFileSync(join(root, 'opt/dnf.conf'), 'utf8'), /^baseurl=http:\/\/h\/a$/m)
    assert.equal(readFileSync(join(dir, 'opt/dnf.conf'), 'utf8'), A)
  })

  test('touches nothing outside, whatever the image links to', async (t) => {
    const { link, write, inject, dir } = build(t)
    const outside = write('outside.repo', A)
    link(outside, 'etc/a.repo')
    link(dir, 'etc/yum.repos.d')
    const named = await inject(['--index', INDEX, '--root', 'image', '/etc/a.repo'])
    assert.equal(named.code, 1)
    assert.match(
      named.stderr,
      /image\/etc\/a\.repo: expected a readable configuration, found no such file\n$/,
    )
    assert.equal((await inject(['--index', INDEX, '--root', 'image', '/etc/yum.repos.d'])).code, 1)
    assert.equal((await inject(['--index', INDEX, '--root', 'image', '/etc/yum.repos.d/*.repo'])).code, 3)
    assert.equal((await inject(['--index', INDEX, '--root', 'none', '/etc/a.repo'])).code, 1)
    assert.equal(readFileSync(outside, 'utf8'), A)
  })

  test('without it a link is followed and kept as well', async (t) => {
    const { dir, write, inject } = startJob(t)
    write('real/a.repo', A)
    symlinkSync('real/a.repo', join(dir, 'a.repo'))
    assert.equal(
      (await inject(['--index', INDEX, 'a.repo', 'real/a.repo'])).stdout,
      'a.repo: a-el9 -> http://h/a\n',
      'once',
    )
    assert.ok(lstatSync(join(dir, 'a.repo')).isSymbolicLink())
    assert.match(readFileSync(join(dir, 'real/a.repo'), 'utf8'), /^baseurl=/m)
  })

  test('its variables count for ids, and the command line more', async (t) => {
    const section = '[a-$branch-el$releasever]\nbaseurl=http://upstream/\n'
    const job = startJob(t, {
      'image/etc/a.repo': section,
      'image/etc/yum/vars/branch': 'old\n',
      'image/etc/dnf/vars/branch': 'stream  \nmore\n',
      'image/etc/dnf/vars/releasever': '8',
      'image/etc/dnf/vars/not a name': 'x',
    })
    symlinkSync('/dev/null', join(job.dir, 'image/etc/dnf/vars/nothing'))
    const index = dataIndex({ 'a-stream-el8': 'http://h/8', 'a-stream-el9': 'http://h/9' })
    const args = ['--index', index, '--root', 'image', '--dry-run', 'etc/a.repo']
    assert.match((await job.inject(args)).stdout, /^\[a-\$branch-el\$releasever\]\nbaseurl=http:\/\/h\/8\n/)
    assert.match((await job.inject(['--releasever', '9', ...args])).stdout, /baseurl=http:\/\/h\/9\n/)
    const arched = startJob(t, { 'a.repo': '[a-$basearch-$arch]\n' })
    const { stdout } = await arched.inject([
      '--index',
      dataIndex({ 'a-x86_64-i686': 'http://h/x' }),
      '--basearch',
      'x86_64',
      '--arch',
      'i686',
      '--dry-run',
      'a.repo',
    ])
    assert.match(stdout, /baseurl=http:\/\/h\/x\n/)
    assert.ok(!existsSync(join(arched.dir, 'x')))
  })
})

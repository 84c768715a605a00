import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, statSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'

import { findTool, needs } from '../../support/tools.ts'
import { MAIN } from '../pinyon.ts'
import { dataIndex, repoSection, startJob } from './job.ts'

const URL_A = 'http://mirrors.example.org/repos/yum/a-el9/2026-11-22-02-13'
const INDEX = dataIndex({ 'a-el9': URL_A })

const A = repoSection('a-el9', '# by hand', 'enabled=1')
const A_INJECTED = `[a-el9]\nname=a-el9\n# by hand\nenabled=1\nbaseurl=${URL_A}\nproxy=_none_\n`
const OTHER = repoSection('other')

describe('pinyon inject', () => {
  test('edits files in place, says what it did, and what has no mirror', async (t) => {
    const job = startJob(t, { 'a.repo': A, 'both.repo': `${OTHER}\n${A}`, 'other.repo': OTHER })
    const { code, stdout, stderr } = await job.inject(['--index', INDEX, 'a.repo', 'both.repo', 'other.repo'])
    assert.equal(code, 0, stderr)
    assert.equal(stdout, `a.repo: a-el9 -> ${URL_A}\nboth.repo: a-el9 -> ${URL_A}\n`)
    assert.equal(
      stderr,
      ['both', 'other']
        .map((name) => `${name}.repo:1: no mirror for the enabled repository other\n`)
        .join(''),
    )
    assert.deepEqual(job.tree(), {
      'a.repo': A_INJECTED,
      'both.repo': `${OTHER}\n${A_INJECTED}`,
      'other.repo': OTHER,
    })
  })

  test('once more changes nothing, not even a time', async (t) => {
    const job = startJob(t, { 'a.repo': A })
    await job.inject(['--index', INDEX, 'a.repo'])
    const path = join(job.dir, 'a.repo')
    utimesSync(path, 1_000_000, 1_000_000)
    const { ino } = statSync(path)
    assert.equal((await job.inject(['--index', INDEX, 'a.repo'])).code, 0)
    assert.deepEqual([statSync(path).mtimeMs, statSync(path).ino, job.read('a.repo')], [1e9, ino, A_INJECTED])
  })

  test('one file that cannot be read as what it is: nothing is changed, and each such is named with its line', async (t) => {
    const files = { 'a.repo': A, 'bad.repo': '[x]\nname=x\nno pair\n', 'worse.repo': 'x=1\n' }
    const job = startJob(t, files)
    const { code, stdout, stderr } = await job.inject(['--index', INDEX, 'a.repo', 'bad.repo', 'worse.repo'])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(
      stderr,
      /^bad\.repo:3: expected key=value, found "no pair"\nworse\.repo:1: expected .*, found "x=1"\n$/,
    )
    assert.deepEqual(job.tree(), files)
  })

  test('files that are not there are named, all of them, before anything is done', async (t) => {
    const job = startJob(t, { 'a.repo': A })
    const { code, stderr } = await job.inject(['--index', INDEX, 'a.repo', 'none.repo', '/dev/null'])
    assert.equal(code, 1)
    assert.equal(
      stderr,
      'none.repo: expected a readable configuration, found no such file\n/dev/null: expected a file or a directory, found something else\n',
    )
    assert.equal(job.read('a.repo'), A)
  })

  test('without any index: wrong usage, with the ways to name one', async (t) => {
    const job = startJob(t, { 'a.repo': A })
    for (const [args, env] of [
      [[], {}],
      [[], { CI_MIRRORS_URL: '' }],
      [['--index', ''], { CI_MIRRORS_URL: INDEX }],
    ] as const) {
      const { code, stderr } = await job.inject([...args, 'a.repo'], env)
      assert.equal(code, 2)
      assert.match(stderr, /--index/)
    }
    assert.equal(job.read('a.repo'), A)
  })

  test('nothing of the files is in the index, or no file is found: 3', async (t) => {
    const job = startJob(t, { 'a.repo': A, 'none/README': '' })
    const nothing = await job.inject(['--index', dataIndex({ 'A-el9': URL_A }), 'a.repo'])
    assert.equal(nothing.code, 3)
    assert.match(nothing.stderr, /no repository of these files is in the index\n$/)
    const noFile = await job.inject(['--index', INDEX, '*.conf', 'none'])
    assert.deepEqual(
      [noFile.code, noFile.stderr],
      [3, 'no configuration file in: *.conf\nno configuration file in: none\n'],
    )
    const json = await job.inject(['--index', INDEX, '--json', '*.conf'])
    assert.deepEqual((JSON.parse(json.stdout) as { without_files: string[] }).without_files, ['*.conf'])
    const some = await job.inject(['--index', INDEX, '*.conf', '*.repo'])
    assert.deepEqual([some.code, some.stderr], [0, 'no configuration file in: *.conf\n'])
  })

  test('directories stand for their *.repo, patterns for what a shell would find; masked and hidden files are left', async (t) => {
    const job = startJob(t, {
      'etc/yum.repos.d/1.repo': A,
      'etc/yum.repos.d/2.repo': A,
      'etc/yum.repos.d/.3.repo': A,
      'etc/yum.repos.d/4.repo.bak': A,
      'etc/yum.repos.d/more/5.repo': A,
      'suite-[1]/6.repo': A,
      'suite-2/6.repo': A,
    })
    symlinkSync('/dev/null', join(job.dir, 'etc/yum.repos.d/masked.repo'))
    symlinkSync('nowhere', join(job.dir, 'etc/yum.repos.d/dangling.repo'))
    const { code, stdout } = await job.inject([
      '--index',
      INDEX,
      'etc/yum.repos.d',
      'suite-[1]/*.repo',
      'suit?-*',
      './etc/*/1.repo',
    ])
    assert.equal(code, 0)
    const changed = stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => line.replace(/^.*?((?:etc|suite)[^:]*):.*$/, '$1'))
    assert.deepEqual(changed.toSorted(), [
      'etc/yum.repos.d/1.repo',
      'etc/yum.repos.d/2.repo',
      'suite-2/6.repo',
      'suite-[1]/6.repo',
    ])
    assert.equal(job.read('etc/yum.repos.d/.3.repo'), A)
  })

  test('--dry-run prints the result, with --diff what changes, and leaves all as it is', async (t) => {
    const job = startJob(t, { 'a.repo': A, 'b.repo': A })
    const dry = await job.inject(['--index', INDEX, '--dry-run', 'a.repo'])
    assert.deepEqual([dry.code, dry.stdout, dry.stderr], [0, A_INJECTED, ''])
    const both = await job.inject(['--index', INDEX, '--dry-run', 'a.repo', 'b.repo'])
    assert.equal(both.stdout, `==> a.repo <==\n${A_INJECTED}==> b.repo <==\n${A_INJECTED}`)
    const diff = await job.inject(['--index', INDEX, '--dry-run', '--diff', 'a.repo'])
    assert.equal(diff.code, 0)
    assert.match(
      diff.stdout,
      /^--- a\.repo\n\+\+\+ a\.repo\n@@ -1,5 \+1,6 @@\n \[a-el9\]\n name=a-el9\n-metalink=/,
    )
    assert.match(diff.stdout, /^\+proxy=_none_$/m)
    assert.deepEqual(job.tree(), { 'a.repo': A, 'b.repo': A })
    const shown = await job.inject(['--index', INDEX, '--diff', 'a.repo'])
    assert.deepEqual([shown.stdout, job.read('a.repo')], [diff.stdout, A_INJECTED])
  })

  test('--strict: a repository without a mirror fails it, and nothing is changed; disabled ones do not count', async (t) => {
    const files = {
      'a.repo': A,
      'b.repo': `${A}\n${OTHER}`,
      'c.repo': `${A}\n${repoSection('off', 'enabled=0')}`,
    }
    const job = startJob(t, files)
    const failed = await job.inject(['--index', INDEX, '--strict', 'a.repo', 'b.repo', 'c.repo'])
    assert.equal(failed.code, 1)
    assert.equal(
      failed.stderr,
      'b.repo:7: no mirror for the enabled repository other\nnothing was changed: with --strict every enabled repository has to have a mirror\n',
    )
    assert.deepEqual(job.tree(), files)
    assert.equal((await job.inject(['--index', INDEX, '--strict', 'a.repo', 'c.repo'])).code, 0)
    assert.equal(job.read('c.repo'), `${A_INJECTED}\n${repoSection('off', 'enabled=0')}`)
  })

  test('--only-mirrored, --keep-pinned and --proxy do what the rule says', async (t) => {
    const pinned = '[a-el9]\nbaseurl=http://mirrors.example.org/repos/yum/a-el9/2020-01-01-00-00\n'
    const job = startJob(t, { 'a.repo': A, 'other.repo': OTHER, 'pinned.repo': pinned })
    const args = ['--index', INDEX, '--only-mirrored', '--keep-pinned', '--proxy', 'keep']
    const { code } = await job.inject([...args, 'a.repo', 'other.repo', 'pinned.repo'])
    assert.equal(code, 0)
    assert.ok(!job.read('a.repo').includes('proxy'))
    assert.match(job.read('other.repo'), /^enabled=0$/m)
    assert.equal(job.read('pinned.repo'), pinned)
    for (const [rule, expected] of [
      ['None', 'None'],
      ['none', '_none_'],
      ['_none_', '_none_'],
    ] as const) {
      await job.inject(['--index', INDEX, '--proxy', rule, 'a.repo'])
      assert.match(job.read('a.repo'), new RegExp(`^proxy=${expected}$`, 'm'), rule)
    }
    assert.equal((await job.inject(['--index', INDEX, '--proxy', 'NONE', 'a.repo'])).code, 2)
  })

  test('--json tells all of it', async (t) => {
    const job = startJob(t, { 'a.repo': A, 'other.repo': OTHER })
    const { stdout } = await job.inject(['--index', INDEX, '--json', 'a.repo', 'other.repo', '*.conf'])
    assert.deepEqual(JSON.parse(stdout), {
      written: true,
      index_error: null,
      files: [
        {
          file: 'a.repo',
          destination: 'a.repo',
          format: 'yum',
          changed: true,
          injected: [{ id: 'a-el9', url: URL_A, previous: null, line: 1 }],
          unmatched: [],
          warnings: [],
        },
        {
          file: 'other.repo',
          destination: 'other.repo',
          format: 'yum',
          changed: false,
          injected: [],
          unmatched: [{ id: 'other', line: 1 }],
          warnings: [],
        },
      ],
      without_files: ['*.conf'],
      yum_cache_removed: [],
    })
    const strict = await job.inject(['--index', INDEX, '--json', '--strict', 'other.repo'])
    assert.deepEqual([strict.code, (JSON.parse(strict.stdout) as { written: boolean }).written], [1, false])
  })

  test('passwords in URLs go into files, and into nothing that is printed', async (t) => {
    const job = startJob(t, { 'a.repo': A, 'b.repo': A })
    const index = dataIndex({ 'a-el9': 'http://ci:s3cret@h/a' })
    const text = await job.inject(['--index', index, 'a.repo'])
    assert.equal(text.stdout, 'a.repo: a-el9 -> http://h/a\n')
    const json = await job.inject(['--index', index, '--json', 'a.repo', 'b.repo'])
    assert.ok(json.stdout.includes('"http://h/a"') && !json.stdout.includes('s3cret'))
    for (const name of ['a.repo', 'b.repo'])
      assert.match(job.read(name), /^baseurl=http:\/\/ci:s3cret@h\/a$/m)
  })

  test("where cp is busybox's, mode and owner are kept all the same", needs('busybox'), async (t) => {
    const job = startJob(t, { 'a.repo': A, 'bin/.keep': '' })
    symlinkSync(findTool('busybox') ?? '', join(job.dir, 'bin/cp'))
    chmodSync(join(job.dir, 'a.repo'), 0o640)
    const { code, stderr } = await job.inject(['--index', INDEX, 'a.repo'], { PATH: join(job.dir, 'bin') })
    assert.equal(code, 0, stderr)
    assert.deepEqual(
      [job.read('a.repo'), statSync(join(job.dir, 'a.repo')).mode & 0o7777],
      [A_INJECTED, 0o640],
    )
    const without = await job.inject(['--index', dataIndex({ 'a-el9': 'http://h/b' }), 'a.repo'], {
      PATH: '/nonexistent',
    })
    assert.equal(without.code, 1)
    assert.match(without.stderr, /copying \S+a\.repo: there is no command cp\n$/)
    assert.equal(job.read('a.repo'), A_INJECTED)
  })

  test('a kill in the midst of it leaves each file as it was or as it is to be', async (t) => {
    const names = Array.from({ length: 60 }, (_, n) => `repos.d/${n}.repo`)
    const job = startJob(t, Object.fromEntries(names.map((name) => [name, A])))
    const command = spawn(process.execPath, [MAIN, 'inject', '--index', INDEX, 'repos.d'], {
      cwd: job.dir,
      stdio: 'ignore',
    })
    const ended = once(command, 'exit')
    while (command.exitCode === null && names.every((name) => job.read(name) === A)) await setImmediate()
    command.kill('SIGKILL')
    await ended
    const tree = job.tree()
    for (const name of names) assert.ok(tree[name] === A || tree[name] === A_INJECTED, name)
    const left = Object.keys(tree).filter((name) => !names.includes(name))
    assert.deepEqual(
      left.filter((name) => !/^repos\.d\/\.\d+\.repo\.pinyon-[0-9a-f]{12}\.(?:new|old)$/.test(name)),
      [],
    )
    assert.equal((await job.inject(['--index', INDEX, 'repos.d'])).code, 0)
    for (const name of names) assert.equal(job.read(name), A_INJECTED)
  })

  test('a list of URLs becomes a .repo file beside it, or arguments of dnf', async (t) => {
    const list =
      '# what the check needs\na-el9,http://upstream.example.org/a\nhttp://upstream.example.org/b\n'
    const job = startJob(t, { 'automation/check.repos': list })
    const args = ['--index', INDEX, 'automation/check.repos']
    const printed = await job.inject(['--repofrompath', ...args])
    assert.equal(printed.code, 0, printed.stderr)
    assert.match(
      printed.stdout,
      new RegExp(`^--repofrompath=a-el9,${URL_A}\n--repofrompath=\\S+,http://upstream.example.org/b\n$`),
    )
    assert.deepEqual(Object.keys(job.tree()), ['automation/check.repos'])
    assert.equal((await job.inject(args)).code, 0)
    assert.equal(job.read('automation/check.repos'), list)
    assert.match(
      job.read('automation/check.repo'),
      new RegExp(`^\\[a-el9\\]\n[^]*^baseurl=${URL_A}$[^]*^baseurl=http://upstream.example.org/b$`, 'm'),
    )
    const newer = await job.inject([
      '--index',
      dataIndex({ 'a-el9': 'http://h/new' }),
      'automation/check.repos',
      'automation/check.repo',
    ])
    assert.deepEqual([newer.code, /would become a file that is edited too/.test(newer.stderr)], [1, true])
    assert.equal((await job.inject(['--repofrompath', ...args, 'automation/check.repo'])).code, 1)
  })

  test('a mock configuration keeps all but its sections', async (t) => {
    const before = "config_opts['root'] = 'x'\nconfig_opts['dnf.conf'] = \"\"\"\n[main]\ncachedir=/x\n"
    const after = '"""\nconfig_opts[\'macros\'] = {}\n'
    const job = startJob(t, { 'el9.cfg': `${before}${A}${after}` })
    const { code, stderr } = await job.inject(['--index', INDEX, 'el9.cfg'])
    assert.equal(code, 0, stderr)
    assert.equal(job.read('el9.cfg'), `${before}${A_INJECTED}${after}`)
  })

  test('--format says what a file of another name is', async (t) => {
    const job = startJob(t, { 'yum.conf.in': A, 'list.txt': 'a-el9,http://h/a\n' })
    assert.equal((await job.inject(['--index', INDEX, '--format', 'yum', 'yum.conf.in'])).code, 0)
    assert.equal(job.read('yum.conf.in'), A_INJECTED)
    assert.equal((await job.inject(['--index', INDEX, '--format', 'repos', 'list.txt'])).code, 0)
    assert.ok(job.read('list.txt.repo').includes(URL_A))
    assert.equal((await job.inject(['--index', INDEX, '--format', 'apt', 'list.txt'])).code, 2)
  })
})

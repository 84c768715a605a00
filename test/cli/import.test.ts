import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { CommandOptions } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { pinyon } from './pinyon.ts'

const FIXTURES = fileURLToPath(new URL('yum/', import.meta.url))
const X86_64 = ['--basearch', 'x86_64']

interface Imported {
  readonly code: number
  readonly stdout: string
  /** Its lines. */
  readonly stderr: readonly string[]
  /** What was printed, as `check-config` and `serve` read it. */
  readonly config: Config
}

/** Imports, writes what is printed to a file and runs check-config on that. */
async function importYum(
  t: TestContext,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Imported> {
  const { code, stdout, stderr } = await pinyon(['import', ...args], options)
  const file = join(tempDir(t), 'pinyon.yaml')
  writeFileSync(file, stdout)
  assert.deepEqual(
    { ...(await pinyon(['check-config', '-c', file])), stdout: '' },
    { code: 0, stdout: '', stderr: '' },
  )
  return { code, stdout, stderr: stderr.trimEnd().split('\n'), config: loadConfig(file, {}) }
}

/** The lines of a printed text that are about a mirror, its comments included. */
function block(stdout: string, name: string): string[] {
  const found = stdout.split(/\n\n|mirrors:\n/).find((part) => new RegExp(`^  #?${name}:$`, 'm').test(part))
  return (found ?? '').trimEnd().split('\n')
}

function count(text: string, pattern: RegExp): number {
  return (text.match(pattern) ?? []).length
}

describe('a reposync configuration like that of a whole farm', () => {
  test('becomes a configuration that check-config accepts', async (t) => {
    const { code, stdout, stderr, config } = await importYum(t, ['ovirt-reposync.conf', ...X86_64], {
      cwd: FIXTURES,
    })
    assert.equal(code, 0)
    assert.equal(config.mirrors.size, 33)
    assert.deepEqual(stderr, ['33 mirrors written'])
    const lists = [...config.mirrors.values()].flatMap(({ list }) => list ?? [])
    assert.equal(
      lists.length,
      count(readFileSync(join(FIXTURES, 'ovirt-reposync.conf'), 'utf8'), /^mirrorlist/gm),
    )
    for (const { url } of lists) assert.match(url, /^https?:\/\/[^$]+$/)
    assert.deepEqual(config.mirrors.get('epel-el8')?.list, {
      kind: 'mirrorlist',
      url: 'https://mirrors.fedoraproject.example/mirrorlist?repo=epel-8&arch=x86_64',
      expireMs: 86_400_000,
    })
    for (const { timeoutMs, enabled, baseurls } of config.mirrors.values()) {
      assert.deepEqual([timeoutMs, enabled], [60_000, true])
      for (const url of baseurls) assert.match(url, /^https:\/\/[^$]+\/$/)
    }
    assert.deepEqual(config.mirrors.get('copr-mock-el8')?.baseurls, [
      'https://download.copr.fedorainfracloud.example/results/@mock/mock-stable/epel-8-x86_64/',
    ])
    // Its keys are written with colons.
    assert.deepEqual(config.mirrors.get('centos-nfv-el8stream')?.baseurls, [
      'https://vault.centos.example/8-stream/nfv/x86_64/openvswitch-2/',
    ])
    assert.match(
      stdout,
      /^# \[main\] \(ovirt-reposync\.conf:2\): cachedir=, keepcache=, .*reposdir= are not carried over/m,
    )
  })

  test('leaves nothing unsaid', async (t) => {
    const { stdout } = await importYum(t, ['ovirt-reposync.conf', ...X86_64], { cwd: FIXTURES })
    const written = readFileSync(join(FIXTURES, 'ovirt-reposync.conf'), 'utf8')
    assert.equal(
      count(stdout, /exclude= is not carried over: a snapshot lists what/g),
      count(written, /^exclude/gm),
    )
    const carried = count(stdout, /^ {4}gpgkey:/gm)
    assert.ok(carried > 0)
    assert.equal(
      carried + count(stdout, /^ {2}# gpgkey=.* is not carried over/gm),
      count(written, /^gpgkey/gm),
    )
    assert.equal(count(stdout, /^ {2}#?[\w.-]+:$/gm), 33)
    assert.deepEqual(block(stdout, 'epel-el8'), [
      '  # EPEL 8 (ovirt-reposync.conf:149)',
      '  # gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-EPEL-8 is not carried over: expected a file of OpenPGP public keys (reading /etc/pki/rpm-gpg/RPM-GPG-KEY-EPEL-8: ENOENT); give the key to pinyon, and gpgkey= with its path',
      '  # gpgcheck= is left to clients: pinyon checks nothing without a gpgkey',
      '  # exclude= is not carried over: a snapshot lists what upstream lists; clients leave out the rest, and what nobody asks for is not fetched',
      '  epel-el8:',
      '    mirrorlist: https://mirrors.fedoraproject.example/mirrorlist?repo=epel-8&arch=x86_64',
      '    timeout: 1m',
    ])
  })
})

describe('what distributions ship', () => {
  test('EPEL: a baseurl beside a metalink, and settings of its own', async (t) => {
    const args = ['epel.repo', '--releasever', '9', ...X86_64]
    const { code, stdout, config } = await importYum(t, args, { cwd: FIXTURES })
    assert.equal(code, 0)
    assert.deepEqual(block(stdout, 'epel').slice(0, 2), [
      '  # Extra Packages for Enterprise Linux 9 - x86_64 (epel.repo:1)',
      '  # metalink=https://mirrors.fedoraproject.example/metalink?repo=epel-9&arch=x86_64&infra=stock&content=$contentdir is left out: $contentdir is not known: pass --var contentdir=…',
    ])
    const known = await importYum(t, [...args, '--var', 'contentdir=pub'], { cwd: FIXTURES })
    assert.match(known.config.mirrors.get('epel')?.list?.url ?? '', /&content=pub$/)
    const [epel, debug, ...others] = config.mirrors.values()
    assert.deepEqual(
      [debug?.name, debug?.enabled, debug?.baseurls, others],
      ['epel-debuginfo', false, [], []],
    )
    assert.deepEqual(
      [epel?.name, epel?.baseurls, epel?.timeoutMs, epel?.retries, epel?.proxy],
      [
        'epel',
        ['https://dl.fedoraproject.example/pub/epel/9/Everything/x86_64/'],
        90_000,
        3,
        'http://proxy.example.org:3128/',
      ],
    )
  })

  test('CentOS 7: mirrorlists', async (t) => {
    const args = ['centos7.repo', '--releasever', '7', ...X86_64]
    const { code, stdout, stderr, config } = await importYum(t, args, { cwd: FIXTURES })
    assert.equal(code, 0)
    assert.equal(stderr[0], '3 mirrors written, 1 of them disabled')
    const plus = config.mirrors.get('centosplus')
    assert.deepEqual([plus?.enabled, plus?.failovermethod], [false, 'roundrobin'])
    assert.deepEqual(plus?.baseurls, [
      'http://vault.centos.example/7.9.2009/centosplus/x86_64/',
      'http://archive.example.org/centos/7.9.2009/centosplus/x86_64/',
    ])
    assert.deepEqual(block(stdout, 'base').slice(-2), [
      '  base:',
      '    mirrorlist: http://mirrorlist.centos.example/?release=7&arch=x86_64&repo=os&infra=stock',
    ])
  })

  test('what was a comment is a suggestion where nothing else can be used', async (t) => {
    const input =
      '[base]\n#baseurl=http://mirror.example/$basearch/\nmirrorlist=http://l.example/?release=$releasever\n'
    const { code, stdout, stderr } = await importYum(t, ['-', ...X86_64], { input, cwd: tempDir(t) })
    assert.equal(code, 3)
    assert.match(
      stderr[1] ?? '',
      /its mirrorlist cannot be used: \$releasever is not known: pass --releasever$/,
    )
    const base = block(stdout, 'base')
    assert.ok(base.includes('  # the baseurl below is a comment in standard input:2: see whether it answers'))
    assert.deepEqual(base.slice(-2), ['  #base:', '  #  baseurl: http://mirror.example/x86_64/'])
  })

  test('CentOS Stream 9: variables of its own have to be given', async (t) => {
    const args = ['centos-stream9.repo', '--releasever', '9', ...X86_64]
    const without = await importYum(t, args, { cwd: FIXTURES })
    assert.equal(without.code, 3)
    assert.equal(without.config.mirrors.size, 0)
    assert.equal(
      without.stderr.at(-1),
      'left out: crb (centos-stream9.repo:20): its baseurl cannot be used: $stream is not known: pass --var stream=…',
    )
    const { code, config } = await importYum(t, [...args, '--var', 'x=y', '--var', 'stream=9-stream'], {
      cwd: FIXTURES,
    })
    assert.equal(code, 0)
    assert.deepEqual(config.mirrors.get('crb')?.baseurls, [
      'https://mirror.stream.centos.example/9-stream/CRB/x86_64/os/',
    ])
  })

  test('Fedora 43: a Copr id cannot be a name, and works without its # under another one', async (t) => {
    const args = ['fedora43.repo', '--releasever', '43', ...X86_64]
    const { stdout, config } = await importYum(t, args, { cwd: FIXTURES })
    assert.deepEqual([...config.mirrors.keys()], ['fedora', 'updates'])
    const file = join(tempDir(t), 'pinyon.yaml')
    writeFileSync(file, stdout.replace(/^ {2}#(?! )/gm, '  ').replace(/^ {2}#( {2})/gm, '  $1'))
    assert.deepEqual(
      [...loadConfig(file, {}).mirrors.keys()],
      ['fedora', 'updates', 'copr-copr.fedorainfracloud.example-ci-toolchain'],
    )
  })

  test('SUSE: a path below the baseurl, and media that are no repodata', async (t) => {
    const { stderr, config } = await importYum(t, ['suse.repo', '--releasever', '15.6'], { cwd: FIXTURES })
    assert.deepEqual(
      Array.from(config.mirrors.values(), ({ baseurls }) => baseurls),
      [
        ['http://download.opensuse.example/distribution/leap/15.6/repo/oss/'],
        ['http://download.opensuse.example/update/leap/15.6/oss/'],
      ],
    )
    assert.match(stderr.at(-1) ?? '', /type=yast2 is not repodata; .*not cd$/)
  })
})

describe('where it reads', () => {
  test("a directory's *.repo files by name, with the [main] of a file before them", async (t) => {
    const dir = tempDir(t)
    mkdirSync(join(dir, 'yum.repos.d'))
    writeFileSync(join(dir, 'yum.conf'), '[main]\nproxy=proxy.example.org:3128\nretries=0\nassumeyes=1\n')
    writeFileSync(
      join(dir, 'yum.repos.d/b.repo'),
      '[b]\nbaseurl=http://h/b\nproxy=_none_\n[a]\nbaseurl=http://h/second\n',
    )
    writeFileSync(join(dir, 'yum.repos.d/a.repo'), '[a]\nbaseurl=http://h/a\nretries=4\n')
    writeFileSync(join(dir, 'yum.repos.d/a.repo.rpmsave'), '[c]\nbaseurl=http://h/c\n')
    const { code, stdout, stderr, config } = await importYum(t, ['yum.conf', 'yum.repos.d'], { cwd: dir })
    assert.equal(code, 0)
    assert.deepEqual(
      Array.from(config.mirrors.values(), ({ name, baseurls, proxy, retries }) => [
        name,
        baseurls[0],
        proxy,
        retries,
      ]),
      [
        ['a', 'http://h/a/', 'http://proxy.example.org:3128/', 4],
        ['b', 'http://h/b/', undefined, 10],
      ],
    )
    // Said once, not for every mirror that it holds for.
    assert.equal(stdout.match(/retries=0/g)?.length, 1)
    assert.match(
      stdout,
      /^# \[main\] \(yum\.conf:1\): retries=0 \(yum\.conf:3\) is not carried over: .*for ever/m,
    )
    assert.match(
      stdout,
      /^# \[main\] \(yum\.conf:1\): assumeyes= is not carried over: of no concern to a mirror$/m,
    )
    assert.deepEqual(stderr, [
      '2 mirrors written, 1 left out',
      'left out: a (yum.repos.d/b.repo:4): yum and dnf take the first repository of this id, which is yum.repos.d/a.repo:1',
    ])
  })

  test('standard input, needing no configuration of its own', async (t) => {
    const options = {
      input: '[a]\r\nbaseurl=http://h/a\r\n',
      env: { PINYON_CONFIG: '/none.yaml' },
      cwd: tempDir(t),
    }
    const { stdout, config } = await importYum(t, ['-'], options)
    assert.match(stdout, /\(standard input:1\)/)
    assert.deepEqual(config.mirrors.get('a')?.baseurls, ['http://h/a/'])
  })

  test('what is no yum configuration is an error with file, line and what is there, all at once', async (t) => {
    const dir = tempDir(t)
    mkdirSync(join(dir, 'empty'))
    cpSync(join(FIXTURES, 'epel.repo'), join(dir, 'good.repo'))
    writeFileSync(join(dir, 'bare.repo'), '\nbaseurl=http://ci:hunter2@h/\n')
    writeFileSync(join(dir, 'broken.repo'), '[a]\ngpgcheck 1\npassword hunter2\n')
    writeFileSync(join(dir, 'latin1.repo'), Buffer.from('[a]\nname=\xe4\n', 'latin1'))
    writeFileSync(join(dir, 'binary.repo'), '[a]\nb=\u0000\u001b[2J\n')
    writeFileSync(join(dir, 'huge.repo'), `[a]\n${'#\n'.repeat(6 * 1024 * 1024)}`)
    const files = ['bare', 'broken', 'latin1', 'good', 'binary', 'huge', 'none'].map((name) => `${name}.repo`)
    const { code, stdout, stderr } = await pinyon(['import', ...files, 'empty'], { cwd: dir })
    assert.deepEqual([code, stdout], [1, ''])
    assert.deepEqual(stderr.trimEnd().split('\n'), [
      'bare.repo:2: found "***@h/", expected a section header such as [epel] above it',
      'broken.repo:2: found "gpgcheck 1", expected key=value',
      'broken.repo:3: found "password***", expected key=value',
      'latin1.repo:2: found bytes that are not UTF-8, expected UTF-8',
      'binary.repo:2: found "b=\\u0000\\u001b[2J", expected text without control characters',
      'huge.repo: found more than 10 MiB, expected a readable yum or dnf configuration',
      'none.repo: found no such file, expected a readable yum or dnf configuration',
      'empty: found a directory without *.repo files, expected some',
    ])
  })

  test('more than a configuration can hold is an error, not a configuration that is refused later', async () => {
    const input = Array.from(
      { length: 9_000 },
      (_, index) => `[a${index}]\nbaseurl=http://h/${index}\ntimeout=9\nexclude=b\n`,
    ).join('')
    const { code, stdout, stderr } = await pinyon(['import', '-'], { input })
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(
      stderr,
      /^the configuration that this would make:\d+: found more than 200000 words and signs, expected fewer\n$/,
    )
  })

  test('what is no usage of it', async () => {
    for (const args of [
      [],
      ['x', '--var', 'a'],
      ['x', '--var', '=b'],
      ['x', '--var', 'a-b=c'],
      ['x', '--releasever'],
    ]) {
      const { code, stdout, stderr } = await pinyon(['import', ...args])
      assert.deepEqual([code, stdout], [2, ''], args.join(' '))
      assert.match(stderr, /^error: /)
    }
  })

  test('a file without repositories is nothing to import', async (t) => {
    const { code, stdout, stderr } = await importYum(t, ['-'], {
      input: '# subscription-manager writes here\n',
    })
    assert.equal(code, 3)
    assert.deepEqual(stdout.split('\n').slice(1), ['mirrors:', ''])
    assert.deepEqual(stderr, ['0 mirrors written'])
  })
})

describe('several architectures', () => {
  const REPO = `[updates]
name=Updates for $basearch
metalink=https://mirrors.example/metalink?repo=updates-$releasever&arch=$basearch
gpgkey=https://mirrors.example/KEY-$basearch
gpgcheck=1
[mixed]
baseurl=http://h/$basearch/ http://h/x86_64/
[plain]
baseurl=http://h/all/
[per-$basearch]
baseurl=http://h/$arch/
`

  test('become one mirror where the sources have $basearch', async (t) => {
    const args = ['-', '--releasever', '43', '--arches', 'x86_64,aarch64']
    const { code, stdout, config } = await importYum(t, args, { input: REPO })
    assert.equal(code, 0)
    assert.deepEqual([...config.mirrors.keys()], ['updates', 'plain'])
    const { arches = [] } = config.mirrors.get('updates') ?? {}
    assert.deepEqual(
      arches.map(({ arch, list, gpgKeys }) => [arch, list?.url, gpgKeys]),
      ['aarch64', 'x86_64'].map((arch) => [
        arch,
        `https://mirrors.example/metalink?repo=updates-43&arch=${arch}`,
        [{ url: `https://mirrors.example/KEY-${arch}` }],
      ]),
    )
    assert.equal(config.mirrors.get('plain')?.arches, undefined)
    assert.match(stdout, /# Updates for \$basearch/)
    assert.match(stdout, /# Left out: only some of its URLs have \$basearch\n/)
    assert.match(stdout, /# Left out: in its id, \$basearch is not known/)
    assert.doesNotMatch(stdout, /__/)
  })

  test('are refused where they are none, or beside one', async () => {
    for (const more of [
      ['--arches', '../x'],
      ['--arches', 'a,a'],
      ['--arches', ''],
      ['--arches', 'a', '--basearch', 'b'],
    ])
      assert.equal((await pinyon(['import', '-', ...more], { input: REPO })).code, 2, more.join(' '))
  })
})

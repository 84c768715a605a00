import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { findTool, needs } from '../../support/tools.ts'
import { startFarm, type Farm } from './farm.ts'
import { startFront, type Front } from './front.ts'
import { manifest } from './manifest.ts'
import { Client, COMMANDS, type ClientOptions } from './run-client.ts'

const ROOT_ONLY = needs('root', 'unshare')

async function start(t: TestContext): Promise<Farm & { front: Front }> {
  const farm = await startFarm(t)
  const front = await startFront(t, farm.url)
  return { ...farm, front, client: new Client(farm.root, front.url, farm.scratch) }
}

/** Begins, which has to fail with a message and without a trace. */
async function refuse(
  farm: Farm,
  message: RegExp,
  args: readonly string[] = [],
  options: ClientOptions = {},
) {
  const before = manifest(farm.root)
  const { code, stderr } = await farm.client.run(['begin', ...args], options)
  assert.notEqual(code, 0)
  assert.match(stderr, message)
  assert.match(stderr, /^pinyon: (nothing was changed|undone)$/m)
  assert.deepEqual(manifest(farm.root), before)
  assert.equal(farm.client.isOpen, false)
  const left = existsSync(farm.client.journal) ? readdirSync(farm.client.journal) : []
  assert.deepEqual(
    left.filter((name) => name !== 'lock'),
    [],
  )
}

describe('begin fails before it touches anything, and says why', () => {
  test('without curl', async (t) => {
    const farm = await start(t)
    const bin = join(farm.scratch, 'without-curl')
    mkdirSync(bin)
    for (const name of COMMANDS.filter((command) => command !== 'curl'))
      symlinkSync(findTool(name) ?? '', join(bin, name))
    await refuse(farm, /^pinyon: curl is missing$/m, [], { path: [bin], wholePath: true })
  })

  test('without a server, or one that is none of pinyon’s', async (t) => {
    const farm = await start(t)
    await refuse(farm, /expected http\(s\):\/\/HOST .*found: $/m, [], { env: { PINYON_SERVER: '' } })
    await refuse(farm, /found: ftp:\/\/x$/m, ['--server', 'ftp://x'])
    farm.front.fail = () => 200
    await refuse(farm, /is no pinyon server: its answer names no generation/)
  })

  test('when nothing answers, the server is overloaded, or dies at any request', async (t) => {
    const farm = await start(t)
    await refuse(farm, /cannot reach http:\/\/127\.0\.0\.1:1 for /, ['--server', 'http://127.0.0.1:1'])
    farm.front.fail = () => 503
    await refuse(farm, /refuses .*dnf\.conf with status 503: the test says so/)
    farm.front.fail = () => undefined
    farm.front.requests.length = 0
    await farm.client.must(['begin'])
    await farm.client.must(['rollback'])
    const requests = farm.front.requests.length
    assert.ok(requests > 8, `${requests} requests`)
    for (let last = 1; last < requests; last += 4) {
      farm.front.requests.length = 0
      farm.front.fail = (_, index) => (index >= last ? 'drop' : undefined)
      await refuse(farm, /cannot reach|no repository answers/)
    }
  })

  test('when a repository that it would point at does not answer', async (t) => {
    const farm = await start(t)
    farm.front.fail = (target) => (/m2\/.*repomd\.xml$/.test(target) ? 404 : undefined)
    await refuse(farm, /no repository answers at http:\/\/127\.0\.0\.1:\d+\/repos\/yum\/m2\//)
  })

  test('when a repository finds no mirror and it is to be strict', async (t) => {
    await refuse(await start(t), /refuses .*other vendor\.repo with status 422: .*vendor/, ['--strict'])
  })

  test('when a configuration cannot be read, or a named one is not there', async (t) => {
    const farm = await start(t)
    await refuse(farm, /no such file: .*\/etc\/mock\/none\.cfg$/m, ['/etc/mock/none.cfg'])
    writeFileSync(join(farm.root, 'etc/yum.repos.d/broken.repo'), 'baseurl=http://nowhere/\n[m]\n')
    await refuse(farm, /refuses .*broken\.repo with status 422: .*line 1/)
    rmSync(join(farm.root, 'etc/yum.repos.d/broken.repo'))
    symlinkSync('b.repo', join(farm.root, 'etc/yum.repos.d/a.repo'))
    symlinkSync('a.repo', join(farm.root, 'etc/yum.repos.d/b.repo'))
    await refuse(farm, /too many symbolic links: .*\/a\.repo$/m)
  })

  test('when the index moves between two files', async (t) => {
    const farm = await start(t)
    farm.front.fail = (target) => (target.includes('generation=') ? 404 : undefined)
    await refuse(farm, /with status 404/)
  })

  test('for a user who may not write', needs('root', 'setpriv'), async (t) => {
    const farm = await start(t)
    chmodSync(join(farm.root, 'var/lib'), 0o555)
    const wrap = ['setpriv', '--bounding-set=-dac_override', '--inh-caps=-dac_override']
    await refuse(farm, /cannot write to .*var\/lib\/pinyon: .* not for this user$/m, [], { wrap })
  })

  test('when the configuration is on a read-only file system', ROOT_ONLY, async (t) => {
    const farm = await start(t)
    const etc = join(farm.root, 'etc')
    await refuse(farm, /cannot prepare: .*\/etc\//, [], {
      wrap: mounting(`--bind ${etc} ${etc}`, `-o remount,ro,bind ${etc}`),
    })
  })

  test('when the journal is', ROOT_ONLY, async (t) => {
    const farm = await start(t)
    mkdirSync(farm.client.journal)
    const { journal } = farm.client
    await refuse(farm, /cannot write to .*pinyon: it is full, read-only, /, [], {
      wrap: mounting(`--bind ${journal} ${journal}`, `-o remount,ro,bind ${journal}`),
    })
  })

  test('when the disk is full, the journal’s or the configuration’s', ROOT_ONLY, async (t) => {
    const farm = await start(t)
    const { journal } = farm.client
    mkdirSync(journal)
    for (const kilobytes of [0, 8, 20, 28, 40]) {
      const { code, stderr } = await farm.client.run(['begin'], {
        wrap: mounting(`-t tmpfs -o size=${kilobytes + 4}k,mode=700 none ${journal}`),
      })
      assert.equal(code, 1, `${kilobytes}: ${stderr}`)
      assert.match(stderr, /No space left on device|cannot write to .*pinyon: it is full/)
      assert.match(stderr, /^pinyon: nothing was changed$/m)
    }
    const repos = join(farm.root, 'etc/yum.repos.d')
    const fill = `cp -a ${repos} ${farm.scratch}/copy && mount -t tmpfs -o size=16k none ${repos} && cp -a ${farm.scratch}/copy/. ${repos} && touch -r ${farm.scratch}/copy ${repos}`
    const result = await farm.client.run(['begin'], {
      wrap: [
        'unshare',
        '-m',
        'sh',
        '-c',
        `${fill} && "$@"; status=$?; ls -A ${repos} >&2; exit $status`,
        '--',
      ],
    })
    assert.equal(result.code, 1, result.stderr)
    assert.match(result.stderr, /No space left on device[^]*cannot prepare: [^]*undone/)
    assert.doesNotMatch(result.stderr, /can't cd|client\.sh: /)
    assert.doesNotMatch(result.stderr, /^\.pinyon/m)
  })

  test('when it is told to end', async (t) => {
    const farm = await start(t)
    const { client, front } = farm
    const before = manifest(farm.root)
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      front.fail = () => {
        const [holder = ''] = readdirSync(join(client.journal, 'lock'))
        process.kill(Number(holder.split('-')[0]), signal)
        return undefined
      }
      const { code, stderr } = await client.run(['begin'])
      assert.equal(code, 128 + constants.signals[signal], stderr)
      assert.deepEqual(manifest(farm.root), before)
      assert.deepEqual(readdirSync(client.journal), ['lock'])
    }
  })

  test('for arguments that it does not understand, with status 2', async (t) => {
    const { client } = await start(t)
    for (const [args, message] of [
      [['begin', '--what'], /unknown option: --what/],
      [['begin', '--view'], /--view needs a value/],
      [['begin', '--view', '../x'], /--view: expected letters/],
      [['begin', '--ttl', 'soon'], /--ttl: expected a duration .* found: soon/],
      [['begin', '--wait', '-1'], /--wait: expected seconds, found: -1/],
      [['begin', '--pid', 'me'], /--pid: expected a number, found: me/],
      [['begin', 'a\nb'], /must not hold a line break/],
      [['commit', '/etc/x.repo'], /commit takes no files/],
      [['frobnicate'], /^usage: client\.sh begin/],
    ] as const) {
      const { code, stderr } = await client.run(args)
      assert.deepEqual([code, message.test(stderr)], [2, true], `${args.join(' ')}: ${stderr}`)
    }
    assert.equal(existsSync(client.journal), false)
  })
})

/** Runs a command where these have been mounted. */
function mounting(...mounts: readonly string[]): string[] {
  return [
    'unshare',
    '-m',
    'sh',
    '-c',
    `${mounts.map((mount) => `mount ${mount} && `).join('')}exec "$@"`,
    '--',
  ]
}

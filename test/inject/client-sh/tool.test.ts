import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { needs } from '../../support/tools.ts'
import { startFarm } from './farm.ts'
import { manifest } from './manifest.ts'
import { COMMANDS, SHELLS } from './run-client.ts'
import { CLIENT, INSTALLED } from './slave.ts'

const TEXT = readFileSync(CLIENT, 'utf8')
const BROKEN = '#!/bin/sh\nif then\n'

describe('the tool', () => {
  test('is short, and clean to shellcheck', needs('shellcheck'), () => {
    assert.ok(TEXT.split('\n').length <= 401)
    const { stdout, status } = spawnSync('shellcheck', ['--shell=sh', CLIENT], { encoding: 'utf8' })
    assert.deepEqual([stdout, status], ['', 0])
  })

  test('is parsed by every shell', () => {
    for (const shell of SHELLS) {
      const args = shell === 'busybox' ? ['sh', '-n', CLIENT] : ['-n', CLIENT]
      const { stderr, status } = spawnSync(shell, args, { encoding: 'utf8' })
      assert.deepEqual([stderr, status], ['', 0], shell)
    }
  })

  test('uses nothing that slaves may lack', () => {
    for (const word of [
      'local ',
      '[[',
      'grep',
      'find ',
      'mktemp',
      'xargs',
      'flock',
      'cmp ',
      'diff ',
      '$RANDOM',
    ])
      assert.equal(TEXT.includes(word), false, word)
  })

  test('works with the commands of busybox alone, and curl', needs('busybox', 'curl'), async (t) => {
    const farm = await startFarm(t)
    const bin = join(farm.scratch, 'busybox-only')
    mkdirSync(bin)
    spawnSync('sh', [
      '-c',
      'for name; do ln -s "$(command -v busybox)" "$0/$name"; done',
      bin,
      'sh',
      ...COMMANDS,
    ])
    spawnSync('ln', [
      '-sf',
      spawnSync('sh', ['-c', 'command -v curl'], { encoding: 'utf8' }).stdout.trim(),
      bin,
    ])
    const before = manifest(farm.root, { coarse: true })
    const options = { shell: 'busybox', path: [bin], wholePath: true }
    await farm.client.must(['begin', '--view', 'job-1'], options)
    assert.match(readFileSync(join(farm.root, 'etc/yum.repos.d/m.repo'), 'utf8'), /^baseurl=http:\/\/127/m)
    await farm.client.must(['rollback'], options)
    assert.deepEqual(manifest(farm.root, { coarse: true }), before)
  })

  for (const shell of SHELLS)
    test(`can be read from a pipe by ${shell}: its copy comes from the server`, async (t) => {
      const farm = await startFarm(t)
      const before = manifest(farm.root)
      const input = await (await fetch(`${farm.url}/client.sh`)).text()
      assert.match(input, new RegExp(`^PINYON_SERVER=\\$\\{PINYON_SERVER:-'${farm.url}'\\}$`, 'm'))
      const piped = { shell, script: '-', input, env: { PINYON_SERVER: '' } }
      await farm.client.must(['begin', '--view', 'job-1'], piped)
      assert.equal(readFileSync(join(farm.client.journal, 'open/client.sh'), 'utf8'), input)
      await farm.client.must(['rollback'], piped)
      assert.deepEqual(manifest(farm.root), before)
      // A pipe that breaks off does nothing.
      const half = await farm.client.run(['begin'], { ...piped, input: input.slice(0, input.length / 2) })
      assert.equal(half.stdout, '')
      assert.deepEqual(manifest(farm.root), before)
    })

  test('that the job breaks cannot break its own undoing', async (t) => {
    const farm = await startFarm(t)
    const manifestOfRest = () => manifest(farm.root).filter((line) => !line.startsWith('opt/'))
    const before = manifestOfRest()
    const script = join(farm.root, INSTALLED)
    const install = () => writeFileSync(script, TEXT)
    const copy = join(farm.client.journal, 'open/client.sh')

    // The unit that `install` writes, and the wrappers, call the copy.
    install()
    await farm.client.must(['begin'], { script })
    writeFileSync(script, BROKEN)
    assert.equal((await farm.client.run(['rollback'], { script })).code, 2)
    await farm.client.must(['rollback'], { script: copy })
    assert.deepEqual(manifestOfRest(), before)

    // A new tool that works leaves it to the copy as well.
    install()
    await farm.client.must(['begin'], { script })
    writeFileSync(script, TEXT.replace('each clear && each restore', 'true'))
    await farm.client.must(['rollback'], { script })
    assert.deepEqual(manifestOfRest(), before)

    // A copy that is no longer what began is not trusted.
    install()
    await farm.client.must(['begin'], { script })
    writeFileSync(copy, 'exit 0\n')
    const { stderr } = await farm.client.must(['rollback'], { script })
    assert.match(stderr, /damaged, so this tool is used: .*\/open\/client\.sh/)
    assert.deepEqual(manifestOfRest(), before)
  })

  test('copies itself before it begins: what is recorded is what ran', async (t) => {
    const farm = await startFarm(t)
    await farm.client.must(['begin'])
    const { stdout } = await farm.client.must(['status'])
    const copy = join(farm.client.journal, 'open/client.sh')
    const [digest] = spawnSync('sha256sum', [copy], { encoding: 'utf8' }).stdout.split(' ')
    assert.match(stdout, new RegExp(`^tool ${digest}$`, 'm'))
    assert.equal(readFileSync(copy, 'utf8'), TEXT)
  })

  test('is installed with its server, and units that undo at boot and what has expired', async (t) => {
    const farm = await startFarm(t)
    mkdirSync(join(farm.root, 'etc/systemd/system'), { recursive: true })
    await farm.client.must(['install', '--server', farm.url])
    const installed = join(farm.root, 'usr/local/sbin/pinyon-client')
    assert.equal(statSync(installed).mode & 0o777, 0o755)
    assert.match(
      readFileSync(installed, 'utf8'),
      new RegExp(`^PINYON_SERVER=\\$\\{PINYON_SERVER:-${farm.url}\\}$`, 'm'),
    )
    const system = join(farm.root, 'etc/systemd/system')
    const unit = readFileSync(join(system, 'pinyon-rollback.service'), 'utf8')
    assert.match(
      unit,
      /^ExecStart=\/bin\/sh -c 'test -e \/var\/lib\/pinyon\/open && sh \/var\/lib\/pinyon\/open\/client\.sh rollback \|\| exec \/usr\/local\/sbin\/pinyon-client rollback'$/m,
    )
    assert.match(unit, /^Before=network-pre\.target$/m)
    assert.match(
      readFileSync(join(system, 'pinyon-expire.service'), 'utf8'),
      /rollback --expired \|\| exec .* rollback --expired'$/m,
    )
    assert.match(readFileSync(join(system, 'pinyon-expire.timer'), 'utf8'), /^OnUnitActiveSec=60$/m)
    for (const link of [
      'multi-user.target.wants/pinyon-rollback.service',
      'timers.target.wants/pinyon-expire.timer',
    ])
      assert.ok(existsSync(join(system, link)), readlinkSync(join(system, link)))

    await farm.client.must(['begin'], { script: installed, env: { PINYON_SERVER: '' } })
    const refused = await farm.client.run(['install'])
    assert.match(refused.stderr, /a transaction is open, within which the tool is not replaced/)
    await farm.client.must(['rollback'], { script: installed })
  })

  test('is installed where a unit can name it only', async (t) => {
    const { client, root } = await startFarm(t)
    for (const to of ['relative', '/opt/a b', "/opt/it's", '/opt/$x']) {
      const { code, stderr } = await client.run(['install', '--to', to], { cwd: root })
      assert.deepEqual([code, stderr.includes('expected a path from / in --to')], [2, true], stderr)
    }
  })

  test('is installed with a line of cron where there is no systemd', async (t) => {
    const { client, root } = await startFarm(t)
    await client.must(['install', '--to', '/opt/ci/pinyon'])
    const cron = readFileSync(join(root, 'etc/cron.d/pinyon'), 'utf8').split('\n')
    assert.match(
      cron[0] ?? '',
      /^@reboot root \/bin\/sh -c '.*open\/client\.sh rollback \|\| exec \/opt\/ci\/pinyon rollback'$/,
    )
    assert.match(
      cron[1] ?? '',
      /^\* \* \* \* \* root \/bin\/sh -c '.* rollback --expired \|\| exec \/opt\/ci\/pinyon rollback --expired'$/,
    )
    assert.ok(statSync(join(root, 'opt/ci/pinyon')).isFile())
  })
})

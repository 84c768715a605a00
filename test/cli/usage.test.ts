import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'

import { VERSION } from '../../src/system/version.ts'
import { Gpg } from '../support/gpg.ts'
import { needs } from '../support/tools.ts'
import { tempDir } from '../support/temp-dir.ts'
import { createFarm, MAIN, pinyon } from './pinyon.ts'

const COMMANDS = [
  'serve',
  'check-config',
  'doctor',
  'import',
  'adopt',
  'status',
  'sync',
  'snapshots',
  'diff',
  'bisect',
  'pin',
  'unpin',
  'rollback',
  'remove',
  'generations',
  'usage',
  'gc',
  'views',
  'why',
]

describe('the command line', () => {
  test('teaches: what there is, by example, and what exit codes mean', async () => {
    const { code, stdout, stderr } = await pinyon(['--help'])
    assert.deepEqual([code, stderr], [0, ''])
    for (const command of COMMANDS) assert.match(stdout, new RegExp(`^  ${command} `, 'm'))
    assert.match(stdout, /^Examples:\n(?: {2}pinyon .*\n){4,}/m)
    assert.match(stdout, /Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing matched/)
  })

  for (const command of COMMANDS)
    test(`teaches ${command} by example`, async () => {
      const { code, stdout } = await pinyon([command, '--help'])
      assert.equal(code, 0)
      assert.match(stdout, new RegExp(`^Usage: pinyon ${command}`))
      assert.match(stdout, /-c, --config <file>.*PINYON_CONFIG/s)
      assert.match(stdout, new RegExp(`^Examples?:\\n  pinyon ${command}`, 'm'))
    })

  test('shows its help on a terminal of 80 columns', async () => {
    const { stdout } = await pinyon(['--help'])
    assert.deepEqual(
      stdout.split('\n').filter((line) => line.length > 80),
      [],
    )
  })

  test('knows its version', async () => {
    assert.deepEqual(await pinyon(['--version']), { code: 0, stdout: `${VERSION}\n`, stderr: '' })
  })

  test('exits 2 for what is no usage of it, and points to the help', async () => {
    const wrong = [
      ['frobnicate'],
      ['status', '--frob'],
      ['snapshots'],
      ['snapshots', 'a', 'b'],
      ['serve', 'x'],
      ['pin', 'm', 'yesterday'],
      ['rollback', '--generation', 'x'],
      ['status', '--config'],
    ]
    for (const args of wrong) {
      const { code, stdout, stderr } = await pinyon(args)
      assert.deepEqual([code, stdout], [2, ''], args.join(' '))
      assert.match(stderr, /^error: .*\n/)
      assert.match(stderr, /--help/)
    }
    const { code, stderr } = await pinyon([])
    assert.equal(code, 2)
    assert.match(stderr, /Usage: pinyon/)
  })

  test('does not mind who reads no further', async () => {
    const child = spawn(process.execPath, [MAIN, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    assert.deepEqual([code, stderr], [0, ''])
  })

  test('suggests the command that was meant', async () => {
    assert.match((await pinyon(['statsu'])).stderr, /status/)
  })
})

describe('check-config', () => {
  test('prints what the configuration comes to', async (t) => {
    const farm = createFarm(t, ['epel-el9'])
    const { code, stdout, stderr } = await farm.run('check-config')
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /epel-el9/)
    const fromEnvironment = await pinyon(['check-config'], { env: { PINYON_CONFIG: farm.configFile } })
    assert.deepEqual(fromEnvironment, { code, stdout, stderr })
  })

  test('names the keys of files, and fails where none can be used', needs('gpg'), async (t) => {
    const gpg = Gpg.create(t)
    const key = await gpg.generate('Repository <r@example.org>', { expires: '1y' })
    const dir = tempDir(t)
    const file = join(dir, 'pinyon.yaml')
    const write = (gpgkey: unknown) =>
      writeFileSync(
        file,
        JSON.stringify({ mirrors: { m: { baseurl: 'http://h/', gpgkey, repo_gpgcheck: true } } }),
      )
    writeFileSync(join(dir, 'KEY'), await gpg.export([key]))
    write(['file:KEY', 'https://h/k'])
    const good = await pinyon(['check-config', '-c', file])
    assert.equal(good.code, 0, good.stderr)
    assert.match(
      good.stdout,
      new RegExp(`^# m: ${dir}/KEY: ${key} rsa2048 Repository <r@example.org>, expires 20`, 'm'),
    )
    assert.match(good.stdout, /^# m: https:\/\/h\/k: fetched by the server$/m)
    await gpg.revoke(key)
    writeFileSync(join(dir, 'KEY'), await gpg.export([key]))
    write('file:KEY')
    const { code, stderr } = await pinyon(['check-config', '-c', file])
    assert.equal(code, 1)
    assert.match(
      stderr,
      new RegExp(`mirrors\\.m\\.gpgkey: no key of .*KEY can be used; ${key}: the key is revoked`),
    )
  })

  test('tells all problems at once, with their lines', async (t) => {
    const dir = tempDir(t)
    const file = join(dir, 'pinyon.yaml')
    writeFileSync(
      file,
      'listen: nowhere\ndata_dir: ./data\nmirrors:\n  a:\n    baseurl: gopher://x/\n    timeout: soon\n',
    )
    const { code, stdout, stderr } = await pinyon(['check-config', '-c', file])
    assert.deepEqual([code, stdout], [1, ''])
    const lines = stderr.trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => /pinyon\.yaml:(\d+): ([\w.]+)/.exec(line)?.slice(1)),
      [
        ['1', 'listen'],
        ['5', 'mirrors.a.baseurl'],
        ['6', 'mirrors.a.timeout'],
      ],
    )
  })

  test('fails for a file that is not there, or a directory', async (t) => {
    const dir = tempDir(t)
    mkdirSync(join(dir, 'pinyon.yaml'))
    for (const file of ['none.yaml', 'pinyon.yaml']) {
      const { code, stderr } = await pinyon(['check-config', '-c', join(dir, file)])
      assert.equal(code, 1)
      assert.match(stderr, new RegExp(file))
      assert.doesNotMatch(stderr, /\n {4}at /)
    }
  })
})

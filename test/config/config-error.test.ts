import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/problem.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { mustRun, runCommand } from '../support/run-command.ts'
import { needs } from '../support/tools.ts'
import { ConfigFile } from './support.ts'

const TOP =
  'one of listen, public_url, trusted_proxies, data_dir, workers, sync_interval, vars, tokens, policy, warm_window, prefetch, retention, cache, fast_path, hosts, dashboard, metrics, mirrors'
const LISTEN = 'host:port such as 127.0.0.1:8080, [::1]:8080 or :8080'

describe('a ConfigError', () => {
  test('names every problem at once, in the order of the file, as values too', (t) => {
    const config = new ConfigFile(t)
    const text =
      'mirrors:\n  epel:\n    baseurl: http://h/\n    timeout: soon\n  fedora: {}\nlisten: x\ncolour: 1\n'
    const error = config.refuse(text)
    assert.ok(error instanceof PinyonError)
    assert.equal(error.name, 'ConfigError')
    assert.equal(error.code, 'CONFIG_INVALID')
    const { file } = config
    assert.deepEqual(error.problems, [
      {
        file,
        line: 4,
        column: 14,
        key: 'mirrors.epel.timeout',
        found: '"soon"',
        expected: 'a duration such as 30s or 5m',
      },
      {
        file,
        line: 5,
        column: 3,
        key: 'mirrors.fedora.baseurl',
        found: 'nothing',
        expected: 'a URL or a list of URLs; or a metalink or mirrorlist in its place',
      },
      { file, line: 6, column: 9, key: 'listen', found: '"x"', expected: LISTEN },
      { file, line: 7, column: 1, key: 'colour', found: 'an unknown key', expected: TOP },
    ])
  })

  test('names the file as it was named to us', () => {
    const error = new ConfigError([
      {
        file: 'config/pinyon.yaml',
        line: 12,
        key: 'mirrors.epel.timeout',
        found: '"soon"',
        expected: 'a duration such as 30s or 5m',
      },
    ])
    assert.equal(
      error.message,
      'config/pinyon.yaml:12: mirrors.epel.timeout: found "soon", expected a duration such as 30s or 5m',
    )
    const missing = 'does/not/exist.yaml: found no such file, expected a readable configuration file'
    assert.throws(() => loadConfig('does/not/exist.yaml', {}), { message: missing })
  })

  test('a long value is cut', (t) => {
    const [line] = new ConfigFile(t).problems(`listen: ${'x'.repeat(5000)}\n`)
    assert.equal(line, `pinyon.yaml:1: listen: found "${'x'.repeat(80)}…", expected ${LISTEN}`)
  })
})

describe('a file that cannot be read', () => {
  const unreadable: [string, (dir: string) => string, string][] = [
    ['missing', (dir) => join(dir, 'none.yaml'), 'none.yaml: found no such file'],
    ['a directory', (dir) => (mkdirSync(join(dir, 'd')), join(dir, 'd')), 'd: found a directory'],
    [
      'a loop',
      (dir) => (symlinkSync('l', join(dir, 'l')), join(dir, 'l')),
      'l: found a loop of symbolic links',
    ],
    [
      'a NUL in its name',
      (dir) => join(dir, 'a\0'),
      'a\0: found a failure to read it (ERR_INVALID_ARG_VALUE)',
    ],
  ]
  for (const [name, prepare, expected] of unreadable) {
    test(name, (t) => {
      const { dir } = new ConfigFile(t)
      const message = `${dir}/${expected}, expected a readable configuration file`
      assert.throws(() => loadConfig(prepare(dir), {}), { name: 'ConfigError', message })
    })
  }

  const skip = process.getuid?.() === 0 ? 'root may read everything' : false
  test('not permitted', { skip }, (t) => {
    const config = new ConfigFile(t)
    config.load('')
    chmodSync(config.file, 0)
    const message = `${config.file}: found no permission to read it, expected a readable configuration file`
    assert.throws(() => loadConfig(config.file, {}), { message })
  })

  test('not UTF-8', (t) => {
    assert.deepEqual(new ConfigFile(t).problems(Buffer.from('# caf\xe9\n', 'latin1')), [
      'pinyon.yaml: found bytes that are not UTF-8, expected a readable configuration file',
    ])
  })

  test('more than 10 MiB', (t) => {
    assert.deepEqual(new ConfigFile(t).problems(Buffer.alloc(10 * 1024 * 1024 + 1, '#')), [
      'pinyon.yaml: found more than 10 MiB, expected a readable configuration file',
    ])
  })

  test('a device without an end', () => {
    const message = '/dev/zero: found more than 10 MiB, expected a readable configuration file'
    assert.throws(() => loadConfig('/dev/zero', {}), { message })
  })

  test('a pipe is read to its end, or to the limit', needs('mkfifo'), async (t) => {
    const { dir } = new ConfigFile(t)
    const pipe = join(dir, 'pipe')
    await mustRun('mkfifo', [pipe])
    const write = (script: string) => runCommand('sh', ['-c', script], { cwd: dir })
    const short = write('echo "sync_interval: off" >pipe')
    assert.equal(loadConfig(pipe, {}).syncIntervalMs, 'off')
    await short
    const long = write('head -c 10485761 /dev/zero >pipe')
    const message = `${pipe}: found more than 10 MiB, expected a readable configuration file`
    assert.throws(() => loadConfig(pipe, {}), { message })
    await long
  })
})

test('a file that cannot be read is named by the path that was tried, not by what is written', (t) => {
  const config = new ConfigFile(t)
  const { message } = config.refuse(`tokens: { ci: { file: secrets/ci-token } }
mirrors:
  m: { baseurl: "http://h/", gpgkey: "file:keys/m", sslcacert: ca.pem, username: u, password: { file: secrets/m } }
`)
  const tried = message.split('\n').map((line) => line.slice(line.lastIndexOf('(')))
  assert.deepEqual(tried.toSorted(), [
    `(ENOENT), at ${config.dir}/ca.pem`,
    `(ENOENT), at ${config.dir}/secrets/m`,
    `(reading ${config.dir}/keys/m: ENOENT)`,
    `(reading ${config.dir}/secrets/ci-token: ENOENT)`,
  ])
})

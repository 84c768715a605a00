import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { DEFAULT_CACHE, DEFAULT_RETENTION, NO_PREFETCH } from '../support/config-defaults.ts'
import { ConfigFile } from './support.ts'

const MIRROR = 'mirrors:\n  epel:\n    baseurl: http://h/\n'

describe('what is read', () => {
  for (const text of [
    '',
    '# nothing yet\n',
    '---\n',
    '~\n',
    '{}\n',
    '\u{feff}',
    'mirrors:\n',
    'mirrors: {}\n',
  ]) {
    test(`${JSON.stringify(text)} is all defaults`, (t) => {
      const config = new ConfigFile(t)
      assert.deepEqual(config.load(text), {
        file: config.file,
        listen: { host: '127.0.0.1', port: 8080 },
        dataDir: join(config.dir, 'data'),
        workers: 'auto',
        syncIntervalMs: 28_800_000,
        ...NO_PREFETCH,
        policy: 'warm',
        retention: DEFAULT_RETENTION,
        cache: DEFAULT_CACHE,
        dashboard: { clients: 'network' },
        mirrors: new Map(),
        ...(text === 'mirrors: {}\n' ? { saysNoMirrors: true } : {}),
      })
    })
  }

  test('a mirror has defaults of its own', (t) => {
    assert.deepEqual(new ConfigFile(t).mirror(MIRROR), {
      name: 'epel',
      baseurls: ['http://h/'],
      fallbacks: [],
      policy: 'warm',
      warmWindowMs: 30 * 86_400_000,
      enabled: true,
      syncIntervalMs: 28_800_000,
      timeoutMs: 30_000,
      retries: 10,
      strict: false,
      repoGpgcheck: false,
      allowOlder: false,
    })
  })

  test('every key', (t) => {
    const config = new ConfigFile(t)
    const text = `
listen: '[::1]:80'
public_url: https://h/p/
data_dir: /srv/pinyon
workers: 3
sync_interval: off
policy: immediate
warm_window: 2w
prefetch: { parallel: 1, throttle: 0 }
retention: { keep: 7, max_age: 30d, keep_used: 0s, grace: 2, removed: 1h }
cache: { max_size: 1.5TB, memory: 1048576 }
fast_path: false
dashboard: { clients: count }
metrics: { per_mirror: false }
mirrors:
  a+b:
    baseurl: [file:sample, 'http://u:p@h/x']
    fallback: ['http://v/7', 'https://k/{name}/{version}/{release}/{filename}', 'file:vault/{href}']
    policy: on_demand
    warm_window: 1d
    enabled: false
    sync_interval: 1h30m
    timeout: 1.5
    retries: 0
    proxy: http://proxy:3128
    strict: true
    allow_older: true
    gpgkey: https://h/k
    repo_gpgcheck: true
`
    assert.deepEqual(config.load(text), {
      file: config.file,
      listen: { host: '::1', port: 80 },
      publicUrl: 'https://h/p',
      dataDir: '/srv/pinyon',
      workers: 3,
      syncIntervalMs: 'off',
      policy: 'immediate',
      warmWindowMs: 14 * 86_400_000,
      prefetch: { parallel: 1 },
      retention: {
        keep: 7,
        maxAgeMs: 30 * 86_400_000,
        keepUsedMs: 0,
        graceGenerations: 2,
        removedMs: 3_600_000,
      },
      cache: { maxBytes: 1.5e12, memoryBytes: 1_048_576 },
      fastPath: false,
      dashboard: { clients: 'count' },
      metrics: { perMirror: false },
      mirrors: new Map([
        [
          'a+b',
          {
            name: 'a+b',
            baseurls: [`${pathToFileURL(config.dir).href}/sample/`, 'http://u:p@h/x/'],
            fallbacks: [
              'http://v/7/',
              'https://k/{name}/{version}/{release}/{filename}',
              `${pathToFileURL(config.dir).href}/vault/{href}`,
            ],
            policy: 'on_demand',
            warmWindowMs: 86_400_000,
            enabled: false,
            syncIntervalMs: 5_400_000,
            timeoutMs: 1500,
            retries: 0,
            proxy: 'http://proxy:3128/',
            strict: true,
            allowOlder: true,
            gpgKeys: [{ url: 'https://h/k' }],
            repoGpgcheck: true,
          },
        ],
      ]),
    })
  })

  test('a mirror without a sync_interval has the global one', (t) => {
    const config = new ConfigFile(t)
    assert.equal(config.mirror(`sync_interval: off\n${MIRROR}`).syncIntervalMs, 'off')
    assert.equal(config.mirror(`sync_interval: off\n${MIRROR}    sync_interval: 5m`).syncIntervalMs, 300_000)
    assert.equal(config.mirror(`sync_interval: 5m\n${MIRROR}    sync_interval: off`).syncIntervalMs, 'off')
  })

  test('a mirror without policy and warm_window has the global ones', (t) => {
    const config = new ConfigFile(t)
    const { policy, warmWindowMs } = config.mirror(`policy: immediate\nwarm_window: 7d\n${MIRROR}`)
    assert.deepEqual([policy, warmWindowMs], ['immediate', 7 * 86_400_000])
    assert.equal(config.mirror(`policy: immediate\n${MIRROR}    policy: warm\n`).policy, 'warm')
  })

  test('a single fallback need not be a list', (t) => {
    const { fallbacks } = new ConfigFile(t).mirror(`${MIRROR}    fallback: http://v\n`)
    assert.deepEqual(fallbacks, ['http://v/'])
  })

  test('an old %YAML line does not make off a boolean', (t) => {
    assert.equal(new ConfigFile(t).load('%YAML 1.1\n---\nsync_interval: off\n').syncIntervalMs, 'off')
  })

  for (const value of ['', '~', '_none_', 'None', "''"]) {
    test(`proxy: ${value} is none`, (t) => {
      assert.equal('proxy' in new ConfigFile(t).mirror(`${MIRROR}    proxy: ${value}\n`), false)
    })
  }

  const timeouts: [string, number][] = [
    ['30', 30_000],
    ["'30'", 30_000],
    ['1', 1000],
    ['3600', 3_600_000],
    ['1h', 3_600_000],
    ['1500ms', 1500],
    ['2m', 120_000],
  ]
  for (const [value, timeoutMs] of timeouts) {
    test(`timeout: ${value} is ${timeoutMs} ms`, (t) => {
      assert.equal(new ConfigFile(t).mirror(`${MIRROR}    timeout: ${value}\n`).timeoutMs, timeoutMs)
    })
  }

  test('names are as written, whatever YAML makes of them', (t) => {
    const names = [
      'a'.repeat(100),
      '7',
      '007',
      '0x10',
      '1.50',
      'true',
      'null',
      '~',
      'constructor',
      'centos-base-el7.6',
    ]
    const text = `mirrors:\n${names.map((name) => `  ${name}: {baseurl: 'http://h/'}\n`).join('')}`
    assert.deepEqual([...new ConfigFile(t).load(text).mirrors.keys()].toSorted(), names.toSorted())
  })

  test('anchors and aliases', (t) => {
    const text =
      'mirrors:\n  a: &a {baseurl: http://h/, retries: &r 3}\n  b: *a\n  c: {baseurl: http://c/, retries: *r}\n'
    const { mirrors } = new ConfigFile(t).load(text)
    assert.deepEqual(
      [...mirrors.values()].map(({ name, baseurls, retries }) => [name, baseurls[0], retries]),
      [
        ['a', 'http://h/', 3],
        ['b', 'http://h/', 3],
        ['c', 'http://c/', 3],
      ],
    )
  })

  test('Windows line ends', (t) => {
    assert.equal(new ConfigFile(t).mirror(MIRROR.replaceAll('\n', '\r\n')).name, 'epel')
  })
})

describe('the environment', () => {
  test('an unquoted value is typed after expansion, a quoted one is text', (t) => {
    const env = { R: '3', E: 'false', T: '45', D: '2016' }
    const text = `data_dir: "\${D}"\n${MIRROR}    retries: \${R}\n    enabled: \${E}\n    timeout: \${T}\n`
    const config = new ConfigFile(t)
    const { retries, enabled, timeoutMs } = config.mirror(text, env)
    assert.deepEqual([retries, enabled, timeoutMs], [3, false, 45_000])
    assert.equal(config.load(text, env).dataDir, join(config.dir, '2016'))
  })

  test('a value cannot change the structure', (t) => {
    const hostile = 'x/\n  evil: {baseurl: "http://evil/"}\nlisten: 0.0.0.0:1 # *a &b ${HOME} {'
    const config = new ConfigFile(t).load('data_dir: /srv/${V}\nmirrors: {}\n', { V: 'a: [*b] # ${V} {' })
    assert.equal(config.dataDir, '/srv/a: [*b] # ${V} {')
    assert.deepEqual(new ConfigFile(t).problems('data_dir: /srv/${V}\n', { V: hostile }), [
      'pinyon.yaml:1: data_dir: found the string that "/srv/${V}" expands to, expected the path of a directory',
    ])
  })

  test('keys are not expanded', (t) => {
    assert.deepEqual(new ConfigFile(t).problems('mirrors:\n  ${A}: {baseurl: http://h/}\n', { A: 'a' }), [
      'pinyon.yaml:2: mirrors."${A}": found the name "${A}" (it holds "$"), expected a mirror name of letters, digits and . _ + @ ~ -',
    ])
  })

  test('a value several mirrors share by alias is expanded once', (t) => {
    const text = 'mirrors:\n  a: {baseurl: &u "http://h/${A}"}\n  b: {baseurl: *u}\n'
    const { mirrors } = new ConfigFile(t).load(text, { A: 'x' })
    assert.deepEqual(mirrors.get('b')?.baseurls, ['http://h/x/'])
  })
})

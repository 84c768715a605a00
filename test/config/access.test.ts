import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { formatConfig } from '../../src/config/format.ts'
import { formatRate, parseRate, parseThrottle } from '../../src/config/rate.ts'
import { mustRun } from '../support/run-command.ts'
import { Authority } from '../support/pki.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { ConfigFile } from './support.ts'

function withKeys(...lines: readonly string[]): string {
  return `mirrors:\n  m:\n    baseurl: https://h/\n${lines.map((line) => `    ${line}\n`).join('')}`
}

/** Writes a file in a directory of its own; gives its path. */
function put(t: TestContext, text: string): string {
  const file = join(tempDir(t), 'file')
  writeFileSync(file, text)
  return file
}

describe('secrets of a mirror', () => {
  test('are of the environment or of files, whatever they look like, and print as where they are from', (t) => {
    const config = new ConfigFile(t)
    const file = put(t, ' with: blanks # and more\n')
    const text = withKeys(
      'proxy: socks5h://p:1080',
      'username: "007"',
      'password: ${PASSWORD}',
      'proxy_username: "${NAME}"',
      `proxy_password: { file: ${file} }`,
    )
    const loaded = config.load(text, { PASSWORD: '0123', NAME: 'true' })
    const mirror = loaded.mirrors.get('m')
    assert.deepEqual(mirror?.identity, {
      sslverify: true,
      login: { username: '007', password: '0123' },
      proxyLogin: { username: 'true', password: ' with: blanks # and more' },
    })
    const printed = formatConfig(loaded)
    assert.match(printed, /password: '\*\*\*'\n/)
    assert.match(printed, new RegExp(`proxy_password:\n +file: ${file}\n`))
    assert.doesNotMatch(printed, /0123|blanks/)
    const token = put(t, 'abc.def-_~+/=')
    const bearer = config.load(withKeys(`bearer_token: { file: ${token} }`)).mirrors.get('m')
    assert.deepEqual(bearer?.identity, { sslverify: true, bearerToken: 'abc.def-_~+/=' })
  })

  test('are not told by what is wrong with them, or beside them', (t) => {
    const config = new ConfigFile(t)
    const planted = 'planted-secret'
    const file = put(t, `${planted}\n${planted}\n`)
    const cases: [string[], RegExp][] = [
      [['username: u', `password: *${planted}`], /password: found something else, expected an anchor/],
      [['username: u', `password: @${planted}`], /found something else, expected valid YAML/],
      [['username: u', `password: !${planted} x`], /found something else, expected valid YAML/],
      [['username: u', `password: ${planted}: x`], /found something else, expected valid YAML/],
      [['username: u', `password: ${planted}\${X`], /password: found something else, expected \$\{NAME\}/],
      [
        ['username: u', `password: {${planted}: 1, ${planted}: 2}`],
        /password: found something else, expected only one/,
      ],
      [
        ['username: u', `password: [${planted}]`],
        /^pinyon\.yaml:5: mirrors\.m\.password: found something else, expected \$\{VAR/,
      ],
      [
        ['username: u', `password: { ${planted} }`],
        /^pinyon\.yaml:5: mirrors\.m\.password: found something else/,
      ],
      [
        ['username: u', `password: { file: x, ${planted}: y }`],
        /^pinyon\.yaml:5: mirrors\.m\.password: found something else/,
      ],
      [
        ['username: u', 'password: 4711471147'],
        /^pinyon\.yaml:5: mirrors\.m\.password: found something else, .* text in quotes/,
      ],
      [
        ['username: u', 'password: ""'],
        /^pinyon\.yaml:5: mirrors\.m\.password: found something else, .*not empty/,
      ],
      [
        [`password: ${planted}`],
        /^pinyon\.yaml:4: mirrors\.m\.password: found something else, expected a username beside it/,
      ],
      [
        ['username: u', `bearer_token: ${planted}`],
        /^pinyon\.yaml:5: mirrors\.m\.bearer_token: found .*no username beside it/,
      ],
      [
        [`bearer_token: "${planted} x"`],
        /^pinyon\.yaml:4: mirrors\.m\.bearer_token: found something else, .*cannot be sent/,
      ],
      [
        [`bearer_token: { file: ${file} }`],
        /^pinyon\.yaml:4: mirrors\.m\.bearer_token\.file: found .*\(it holds line breaks/,
      ],
      [
        ['bearer_token: { file: /nowhere/x }'],
        /^pinyon\.yaml:4: mirrors\.m\.bearer_token\.file: found "\/nowhere\/x".*ENOENT/,
      ],
      [
        [`proxy_password: ${planted}`],
        /^pinyon\.yaml:4: mirrors\.m\.proxy_password: found .* a proxy_username beside it/,
      ],
      [['proxy_username: u'], /^pinyon\.yaml:4: mirrors\.m\.proxy_username: found .* a proxy beside it/],
      [
        [`proxy: http://u:${planted}@p/`, 'proxy_username: u'],
        /^pinyon\.yaml:5: mirrors\.m\.proxy_username: .*no credentials in/,
      ],
      [
        ['username: a:b'],
        /^pinyon\.yaml:4: mirrors\.m\.username: found "a:b", expected a user name without colon/,
      ],
    ]
    for (const [lines, expected] of cases) {
      const problems = config.problems(withKeys(...lines)).join('\n')
      assert.match(problems, expected)
      assert.doesNotMatch(problems, /planted|4711/)
    }
  })
})

describe('certificates of a mirror', needs('openssl'), () => {
  test('are read with the configuration; what is wrong is told with its line, key and file', async (t) => {
    const config = new ConfigFile(t)
    const authority = await Authority.create(t)
    const [client, other] = [await authority.issue('client'), await authority.issue('other')]
    const both = put(t, readFileSync(client.cert, 'latin1') + readFileSync(client.key, 'latin1'))
    const keys = [`proxy_sslcacert: ${authority.ca}`, `proxy_sslclientcert: ${both}`]
    const proxied = config.load(withKeys('proxy: https://p/', ...keys)).mirrors.get('m')
    assert.equal(proxied?.identity?.proxyTls?.ca, readFileSync(authority.ca, 'latin1'))
    assert.match(proxied.identity.proxyTls.key ?? '', /PRIVATE KEY/)
    assert.deepEqual([proxied.identity.cert, proxied.identity.proxyTls.verify], [undefined, true])
    const loaded = config
      .load(withKeys(`sslcacert: ${authority.ca}`, `sslclientcert: ${both}`))
      .mirrors.get('m')
    assert.equal(loaded?.identity?.ca, readFileSync(authority.ca, 'latin1'))
    assert.equal(loaded?.identity?.key, readFileSync(both, 'latin1'))
    const directory = config.load(withKeys(`sslcacert: ${authority.dir}`)).mirrors.get('m')
    assert.match(directory?.identity?.ca ?? '', /-----BEGIN CERTIFICATE-----/)
    const locked = join(tempDir(t), 'locked.key')
    await mustRun('openssl', [
      'pkey',
      '-in',
      client.key,
      '-aes256',
      '-passout',
      'pass:planted',
      '-out',
      locked,
    ])
    const cases: [string[], RegExp][] = [
      [
        ['sslcacert: /nowhere/ca.pem'],
        /^pinyon\.yaml:4: mirrors\.m\.sslcacert: found "\/nowhere\/ca\.pem".*\(ENOENT\)/,
      ],
      [
        [`sslcacert: ${client.key}`],
        /^pinyon\.yaml:4: mirrors\.m\.sslcacert: .*\(it holds a private key and no certificate\)/,
      ],
      [
        [`sslcacert: ${put(t, 'junk')}`],
        /^pinyon\.yaml:4: mirrors\.m\.sslcacert: .*\(it holds no certificate\)/,
      ],
      [
        [`sslcacert: ${put(t, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')}`],
        /^pinyon\.yaml:4: mirrors\.m\.sslcacert: .*\(its certificate 1 cannot be read\)/,
      ],
      [
        [`sslcacert: ${tempDir(t)}`],
        /^pinyon\.yaml:4: mirrors\.m\.sslcacert: .*\(none of its files holds one\)/,
      ],
      [
        [`sslclientcert: ${client.cert}`],
        /^pinyon\.yaml:4: mirrors\.m\.sslclientcert: .*\(it holds no private key\)/,
      ],
      [
        [`sslclientcert: ${client.cert}`, `sslclientkey: ${other.key}`],
        /^pinyon\.yaml:5: mirrors\.m\.sslclientkey: .*\(its key is of another certificate than sslclientcert\)/,
      ],
      [
        [`sslclientcert: ${client.cert}`, `sslclientkey: ${locked}`],
        /^pinyon\.yaml:5: mirrors\.m\.sslclientkey: .*\(its key is encrypted.*openssl pkey/,
      ],
      [
        [`sslclientkey: ${client.key}`],
        /^pinyon\.yaml:4: mirrors\.m\.sslclientkey: .*an sslclientcert beside it/,
      ],
      [
        ['proxy: https://p/', `proxy_sslcacert: ${put(t, 'junk')}`],
        /^pinyon\.yaml:5: mirrors\.m\.proxy_sslcacert: .*\(it holds no certificate\)/,
      ],
      [
        ['proxy: https://p/', `proxy_sslclientkey: ${client.key}`],
        /^pinyon\.yaml:5: mirrors\.m\.proxy_sslclientkey: .*a proxy_sslclientcert beside it/,
      ],
      [
        ['proxy: http://p/', `proxy_sslcacert: ${authority.ca}`],
        /^pinyon\.yaml:5: mirrors\.m\.proxy_sslcacert: .*a proxy with an https URL beside it/,
      ],
      [['sslverify: maybe'], /^pinyon\.yaml:4: mirrors\.m\.sslverify: found "maybe", expected true or false/],
    ]
    for (const [lines, expected] of cases)
      assert.match(config.problems(withKeys(...lines)).join('\n'), expected)
  })
})

describe('bounds', () => {
  const rates: [unknown, number | undefined][] = [
    [0, 0],
    ['1000', 1000],
    ['1k', 1024],
    ['1.5M', 1_572_864],
    ['2G', 2_147_483_648],
    ['20MiB', 20_971_520],
    ['5 B', 5],
    ['5MB', undefined],
    ['1T', undefined],
    ['-1', undefined],
    [true, undefined],
  ]
  for (const [input, bytes] of rates)
    test(`${String(input)} is ${bytes ?? 'refused'}`, () => {
      const parsed = parseRate(input)
      assert.equal('value' in parsed ? parsed.value : undefined, bytes)
      if (bytes !== undefined) assert.deepEqual(parseRate(formatRate(bytes)), { value: bytes })
    })

  test('a throttle may be a part of the bandwidth', () => {
    assert.deepEqual(parseThrottle('12.5%'), { value: { part: 0.125 } })
    assert.deepEqual(parseThrottle('5M'), { value: { bytes: 5_242_880 } })
    assert.ok('expected' in parseThrottle('101%'))
  })

  test('are of mirrors and hosts, and print as what they come to', (t) => {
    const config = new ConfigFile(t)
    const text = `hosts:
  h.example.org:8443: { max_parallel_downloads: 4, timeout: 5s, retries: 1, minrate: 1000 }
${withKeys('throttle: 50%', 'bandwidth: 1M', 'minrate: 2k', 'max_parallel_downloads: 3')}`
    const loaded = config.load(text)
    assert.deepEqual(loaded.hosts?.get('h.example.org:8443'), {
      maxParallelDownloads: 4,
      timeoutMs: 5_000,
      retries: 1,
      minrate: 1_000,
    })
    assert.deepEqual(loaded.mirrors.get('m')?.pace, {
      throttle: 524_288,
      minrate: 2_048,
      maxParallelDownloads: 3,
    })
    const again = config.load(formatConfig(loaded))
    assert.deepEqual(again.hosts, loaded.hosts)
    assert.deepEqual(again.mirrors.get('m')?.pace, loaded.mirrors.get('m')?.pace)
  })

  test('that cannot be kept to are refused', (t) => {
    const config = new ConfigFile(t)
    const cases: [string, RegExp][] = [
      [
        withKeys('throttle: 50%'),
        /^pinyon\.yaml:4: mirrors\.m\.throttle: found "50%", expected .* a bandwidth beside it/,
      ],
      [
        withKeys('throttle: 500'),
        /^pinyon\.yaml:4: mirrors\.m\.throttle: found 500, expected at least the minrate, 1000/,
      ],
      [withKeys('max_parallel_downloads: 0'), /^pinyon\.yaml:4: .*expected a whole number from 1 to 1000/],
      [
        'hosts: { "https://h/": {} }',
        /^pinyon\.yaml:1: hosts\."https:\/\/h\/": found the name .* expected a host of a URL/,
      ],
      [
        'hosts: { h: { proxy: x } }',
        /^pinyon\.yaml:1: hosts\.h\.proxy: found an unknown key, expected one of timeout, retries, /,
      ],
    ]
    for (const [text, expected] of cases) assert.match(config.problems(text).join('\n'), expected)
  })
})

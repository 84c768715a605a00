import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'

import { parseConfig } from '../../src/config/load.ts'
import { maskUrl, parseBaseurl } from '../../src/config/urls.ts'
import { importSections } from '../../src/cli/import-sections.ts'
import { formatImport } from '../../src/cli/import-text.ts'
import { parseYumConfig } from '../../src/inject/yum-config.ts'
import { findVariables } from '../../src/model/yum-variables.ts'

const VARIABLES = new Map([
  ['basearch', 'x86_64'],
  ['releasever', '9'],
])

/** Imports a text and reads what comes of it; undefined when it is refused. */
function importText(text: string) {
  const { sections, problems } = parseYumConfig(Buffer.from(text))
  if (problems.length > 0) return undefined
  const imported = importSections([{ label: 'x.repo', sections }], VARIABLES)
  const output = formatImport(['x.repo'], imported)
  return { ...imported, sections, output, config: parseConfig('x.yaml', output, {}) }
}

/** The only section's mirror, of a text that has no problems. */
function importMirror(text: string) {
  const imported = importText(text)
  assert.ok(imported, text)
  return { ...imported, mirror: imported.mirrors[0], loaded: [...imported.config.mirrors.values()][0] }
}

const anything = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replace(/[\r\n]/g, ' '))
const nasty = fc.constantFrom(
  'http://h/',
  'http://h/$basearch/${releasever}/',
  'http://h/a%20b%/',
  "http://h/it's",
  'http://h/"a"',
  'http://h/a:/b#c',
  'http://h/${1}/$${x',
  'file:///srv/repo',
  '/srv/repo #1',
  'rsync://h/',
  'http://u:p@h:99/',
  'http://h/größer/大',
  '- a: b',
  '&a *b !c |',
  '{a: [b]}',
  '0',
  '1',
  'yes',
  'no',
  'null',
  '_none_',
  '30',
  '1m',
  '-1',
  '1e9',
  '# a',
  '${',
  'proxy:3128',
  '\u2028\u200b',
  '---',
)
const key = fc.constantFrom(
  'name',
  'baseurl',
  'mirrorlist',
  'metalink',
  'enabled',
  'timeout',
  'retries',
  'proxy',
  'proxy_username',
  'username',
  'password',
  'path',
  'type',
  'exclude',
  'gpgkey',
  'sslverify',
  '#baseurl',
  'who-knows',
  '__proto__',
  'constructor',
)
const id = fc.oneof(
  fc.constantFrom(
    'a',
    'epel-$releasever',
    'copr:h:u:p',
    'main',
    '7',
    'null',
    '~',
    '@x',
    '-',
    '__proto__',
    'a b',
    'ä',
    '#',
    '..',
    '---',
  ),
  anything.map((text) => text.replace(/[\]\p{Cc}]/gu, '')),
)
const section = fc
  .record({
    id,
    head: fc.constantFrom('', 'baseurl=http://h/\n'),
    pairs: fc.array(fc.tuple(key, fc.oneof(nasty, nasty, anything), fc.option(nasty, { freq: 3 })), {
      maxLength: 8,
    }),
  })
  .map(({ id, head, pairs }) => {
    const lines = pairs.map(
      ([key, value, more]) => `${key} = ${value}\n${more === null ? '' : `  ${more}\n`}`,
    )
    return `[${id}]\n${lines.join('')}${head}`
  })

describe('whatever is imported', () => {
  test('what is printed loads, with the mirrors that are said to be written and no others', () => {
    let [refused, written, left] = [0, 0, 0]
    fc.assert(
      fc.property(fc.array(section, { maxLength: 5 }), (sections) => {
        const imported = importText(sections.join(''))
        if (imported === undefined) refused += 1
        else {
          const { mirrors, config } = imported
          const names = mirrors.filter(({ refusal }) => refusal === undefined).map(({ name }) => name)
          assert.deepEqual([...config.mirrors.keys()].toSorted(), names.toSorted())
          assert.equal(mirrors.length, imported.sections.filter(({ id }) => id !== 'main').length)
          written += names.length
          left += mirrors.length - names.length
        }
      }),
      { seed: 51, numRuns: 1000 },
    )
    assert.ok(refused > 50 && written > 100 && left > 500, [refused, written, left].join())
  })

  test('a URL that pinyon takes is the one that it asks', () => {
    const part = fc.constantFrom(
      'a',
      '/',
      ':',
      '%',
      '%20',
      '%23',
      "'",
      '"',
      '`',
      '${',
      '$1',
      '$$',
      '{',
      '}',
      '&',
      '*',
      '!',
      '|',
      '>',
      '@',
      '~',
      '^',
      '+',
      '=',
      '(',
      '[',
      'ä',
      '大',
      '\u{1f600}',
      '?',
      '#',
      '-',
      '.',
    )
    const path = fc.array(part, { maxLength: 10 }).map((parts) => parts.join(''))
    const head = fc.constantFrom(
      'http://h/',
      'https://h.example:8443/',
      'http://[::1]/',
      'file:///',
      'http://ci:p%40w@h/',
    )
    let taken = 0
    fc.assert(
      fc.property(fc.tuple(head, path), ([head, path]) => {
        const url = head + path
        const parsed = parseBaseurl(url, new URL('file:///'))
        const { loaded, mirror, output } = importMirror(`[a]\nbaseurl = ${url}\n`)
        if (findVariables(url).length > 0 || 'expected' in parsed) {
          assert.equal(loaded, undefined, output)
          assert.ok(mirror?.refusal)
          return
        }
        taken += 1
        assert.deepEqual(loaded?.baseurls.map(maskUrl), [maskUrl(parsed.value).replace('***@', '')], output)
        const env = { PINYON_A_USERNAME: 'ci', PINYON_A_PASSWORD: 'p%40w' }
        assert.deepEqual(parseConfig('x', output, env).mirrors.get('a')?.baseurls, [parsed.value])
      }),
      { seed: 52, numRuns: 1000 },
    )
    assert.ok(taken > 300, String(taken))
  })

  test('names become comments that stay comments', () => {
    fc.assert(
      fc.property(anything, nasty, (name, more) => {
        const imported = importText(`[a]\nbaseurl=http://h/\nname=${name}\n  ${more}\n`)
        if (imported !== undefined)
          assert.deepEqual(imported.config.mirrors.get('a')?.baseurls, ['http://h/'])
      }),
      { seed: 53, numRuns: 500 },
    )
  })
})

describe('settings', () => {
  const cases: [string, string, Record<string, unknown>, RegExp | undefined][] = [
    ['a switch', 'enabled=No', { enabled: false }, undefined],
    [
      'a switch that is none',
      'enabled=maybe',
      { enabled: true },
      /enabled=maybe \(x\.repo:3\) is neither yes nor no/,
    ],
    ['a time with a unit', 'timeout=2m', { timeoutMs: 120_000 }, undefined],
    ['a time with a fraction', 'timeout=1.5', { timeoutMs: 1500 }, undefined],
    [
      'no time at all',
      'timeout=never',
      { timeoutMs: 30_000 },
      /timeout=never .* is not carried over: pinyon takes 1s to 1h/,
    ],
    ['a time that is too long', 'timeout=2d', { timeoutMs: 30_000 }, /timeout=2d/],
    ['tries', 'retries=100', { retries: 100 }, undefined],
    ['tries for ever', 'retries=0', { retries: 10 }, /retries=0 .*for ever/],
    ['too many tries', 'retries=1000', { retries: 10 }, /pinyon takes 1 to 100/],
    ['a proxy', 'proxy=http://p:3128/', { proxy: 'http://p:3128/' }, undefined],
    ['a proxy as curl takes it', 'proxy=p.example:3128', { proxy: 'http://p.example:3128/' }, undefined],
    ['no proxy', 'proxy=None', { proxy: undefined }, undefined],
    [
      'a proxy of another kind',
      'proxy=socks4://p:1080',
      { proxy: undefined },
      /asked directly: pinyon takes proxies such as/,
    ],
    ['a SOCKS proxy', 'proxy=socks5h://p:1080', { proxy: 'socks5h://p:1080' }, undefined],
    [
      'a proxy with a variable',
      'proxy=http://$proxy:1/',
      { proxy: undefined },
      /\$proxy is not known: pass --var proxy=…/,
    ],
    ['quotes', 'proxy="http://p:3128"', { proxy: 'http://p:3128/' }, undefined],
    [
      'what clients check',
      'gpgcheck=1\nrepo_gpgcheck=1',
      { gpgcheck: true, repoGpgcheck: false },
      /repo_gpgcheck= is left to clients: pinyon checks nothing without a gpgkey/,
    ],
    [
      'what pinyon checks',
      'gpgkey=https://h/KEY\ngpgcheck=yes\nrepo_gpgcheck=1',
      { gpgcheck: true, repoGpgcheck: true, gpgKeys: [{ url: 'https://h/KEY' }] },
      undefined,
    ],
    [
      'a key that is not here',
      'gpgkey=/none/KEY https://h/KEY\ngpgcheck=1',
      { gpgKeys: undefined, gpgcheck: undefined },
      /gpgkey=file:\/\/\/none\/KEY is not carried over: expected a file of OpenPGP public keys.*\ngpgcheck= is left to clients/,
    ],
    [
      'a key with a variable',
      'gpgkey=https://h/$y\nrepo_gpgcheck=1\ngpgcheck=0',
      { gpgKeys: [{ url: 'https://h/$y' }], repoGpgcheck: false, gpgcheck: false },
      /repo_gpgcheck= is left to clients: in its gpgkey, \$y is not known/,
    ],
    [
      'baseurls that take turns',
      'baseurl=http://a/ http://b/\nfailovermethod=roundrobin',
      { failovermethod: 'roundrobin', baseurls: ['http://a/', 'http://b/'] },
      undefined,
    ],
    [
      'another order',
      'baseurl=http://a/ http://b/\nfailovermethod=random',
      { failovermethod: undefined },
      /failovermethod=random \(.*\) is not carried over: pinyon takes priority and roundrobin/,
    ],
    [
      'a mirrorlist',
      'mirrorlist=http://l/?arch=$arch\nmirrorlist_expire=2h',
      { list: { kind: 'mirrorlist', url: 'http://l/?arch=x86_64', expireMs: 7_200_000 } },
      undefined,
    ],
    [
      'a mirrorlist that is a metalink, as yum and dnf tell',
      'mirrorlist=https://l/metalink?repo=x&infra=$infra',
      { list: { kind: 'metalink', url: 'https://l/metalink?repo=x&infra=stock', expireMs: 86_400_000 } },
      undefined,
    ],
    [
      'both',
      'mirrorlist=http://l/\nmetalink=http://m/',
      { list: { kind: 'metalink', url: 'http://m/', expireMs: 86_400_000 } },
      /mirrorlist=http:\/\/l\/ is left out: dnf does not look at it beside a metalink/,
    ],
    ['a mirrorlist by ftp', 'mirrorlist=ftp://l/', { list: undefined }, /is left out: .* not ftp/],
    ['what nobody checks', 'gpgcheck=0\nrepo_gpgcheck=no\nsslverify=1\nexclude=\ntype=rpm-md', {}, undefined],
    ['no check of certificates', 'sslverify=0', { access: { sslverify: false } }, undefined],
    [
      'certificates that are elsewhere',
      'sslcacert=/nowhere/ca\nsslclientcert=/nowhere/cert',
      { access: undefined },
      /sslclientcert=.* is not carried over: sslcacert is expected to be a file that can be read \(ENOENT\)/,
    ],
    [
      'how a proxy is spoken to by TLS',
      'proxy=https://p.example.org/\nproxy_sslverify=0',
      { access: { sslverify: true, proxyTls: { sslverify: false } } },
      undefined,
    ],
    [
      'what only one client has',
      'max_parallel_downloads=10',
      {},
      /max_parallel_downloads= is not carried over: that is for one client/,
    ],
    [
      'bounds',
      'minrate=2k\nthrottle=50%\nbandwidth=1M',
      { pace: { minrate: 2048, throttle: 524_288 } },
      undefined,
    ],
    ['a part of nothing', 'throttle=50%\nminrate=1000', { pace: undefined }, undefined],
    ['no rate', 'throttle=fast', { pace: undefined }, /throttle=fast .*: pinyon takes bytes a second/],
    ['less than the least', 'throttle=900', { pace: undefined }, /throttle=900 .*: it is less than minrate/],
    [
      'a user without a use',
      'username=u\nbaseurl=file:///a',
      {},
      /username= is not carried over: no baseurl has a use for it/,
    ],
    [
      'a proxy user without a proxy',
      'proxy_password=p',
      {},
      /proxy_password= is not carried over: it has no proxy/,
    ],
    [
      'what nobody knows',
      'frobnicate=1\n__proto__=2',
      {},
      /frobnicate=, __proto__= are not carried over: pinyon does not know it/,
    ],
  ]
  for (const [title, lines, expected, note] of cases)
    test(title, () => {
      const { loaded, mirror } = importMirror(`[a]\nbaseurl=http://h/\n${lines}\n`)
      for (const [key, value] of Object.entries(expected)) assert.deepEqual(loaded?.[key as 'proxy'], value)
      if (note === undefined) assert.deepEqual(mirror?.notes, [])
      else assert.match(mirror?.notes.join('\n') ?? '', note)
    })

  test('one baseurl that cannot be used does not keep the others from being used', () => {
    const { loaded, mirror } = importMirror(
      '[a]\nbaseurl=http://h/$x/, /srv/it is,ftp://h/\n  http://h/$basearch\n',
    )
    assert.deepEqual(loaded?.baseurls, ['file:///srv/it/', 'http://h/x86_64/'])
    assert.deepEqual(mirror?.notes, [
      'baseurl http://h/$x/ is left out: $x is not known: pass --var x=…',
      'baseurl is is left out: pinyon takes an http, https or file URL',
      'baseurl ftp://h/ is left out: pinyon fetches from http, https and file URLs, not ftp',
    ])
  })

  test('a hundred baseurls are enough', () => {
    const urls = Array.from({ length: 101 }, (_, index) => `http://h/${index}/`)
    const { loaded, mirror } = importMirror(`[a]\nbaseurl=${urls.join('\n  ')}\n`)
    assert.deepEqual(loaded?.baseurls, urls.slice(0, 100))
    assert.deepEqual(mirror?.notes, ['only the first 100 of 101 baseurls are looked at'])
  })

  test('an id may hold variables', () => {
    assert.equal(importMirror('[el$releasever]\nbaseurl=http://h/\n').loaded?.name, 'el9')
    const { mirror } = importMirror('[el$other]\nbaseurl=http://h/\n')
    assert.equal(mirror?.refusal, 'in its id, $other is not known: pass --var other=…')
  })

  test('a section with nothing to fetch from says so', () => {
    const { mirror, output } = importMirror('[a]\nname=A\n')
    assert.equal(mirror?.refusal, 'it has no baseurl, metalink or mirrorlist')
    assert.match(output, /^ {2}#a:\n {2}# {2}baseurl: # to be filled in$/m)
  })
})

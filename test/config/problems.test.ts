import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConfigFile } from './support.ts'

const TOP =
  'one of listen, public_url, trusted_proxies, data_dir, workers, sync_interval, vars, tokens, policy, warm_window, prefetch, retention, cache, fast_path, hosts, dashboard, metrics, mirrors'
const MIRROR =
  'one of baseurl, metalink, mirrorlist, mirrorlist_expire, failovermethod, vars, arches, fallback, xml_base, extra_files, policy, warm_window, enabled, sync_interval, timeout, retries, minrate, throttle, bandwidth, max_parallel_downloads, proxy, sslverify, sslcacert, sslclientcert, sslclientkey, username, password, bearer_token, proxy_username, proxy_password, proxy_sslverify, proxy_sslcacert, proxy_sslclientcert, proxy_sslclientkey, strict, allow_older, pin, gpgkey, repo_gpgcheck, gpgcheck'
const NAME = 'a mirror name of letters, digits and . _ + @ ~ -'
const PIN = "a snapshot's name such as 2016-12-13-13-30"
const AGE = 'a duration from 1s to 3650d, such as 14d'
const SIZE = 'a size of at least 1MiB, such as 200GiB'
const LISTEN = 'host:port such as 127.0.0.1:8080, [::1]:8080 or :8080'

/** A mirror `m` with further lines, the first of which is line 4. */
function mirror(lines: string): string {
  return `mirrors:\n  m:\n    baseurl: http://h/\n    ${lines}\n`
}

/** Each text with the problems it leads to: line, key and the rest. */
const CASES: readonly [string, string, ...string[]][] = [
  ['a word', 'hello\n', '1: found "hello", expected a mapping of keys such as mirrors'],
  ['a list', '\n- a\n', '2: found a list, expected a mapping of keys such as mirrors'],
  [
    'a tab',
    'a: b\n\tc: d\n',
    '2: found a YAML error (Tabs are not allowed as indentation), expected valid YAML',
  ],
  ['an open quote', 'listen: "x\n', '2: found a YAML error (Missing closing "quote), expected valid YAML'],
  ['a mapping as key', '? [a]\n: b\n', '1: found a key that is not a word, expected a word'],
  ['an alias as key', 'a: &a x\n*a : b\n', '2: found a key that is not a word, expected a word'],
  ['two documents', 'listen: 80\n---\nlisten: 81\n', '2: found a second YAML document, expected only one'],
  [
    'an unknown tag',
    'listen: !port 80\n',
    '1: found a YAML error (Unresolved tag: !port), expected valid YAML',
  ],
  [
    'two syntax errors',
    'a: "x" y "z"\nb: 1\nc: "x" y\n',
    '1: found a YAML error (Unexpected scalar at node end), expected valid YAML',
    '3: found a YAML error (Unexpected scalar at node end), expected valid YAML',
  ],
  [
    'a reference in braces without quotes',
    'mirrors: {a: {baseurl: http://h/${A}}}\n',
    '1: found a YAML error (Unexpected flow-map-start at node end), expected valid YAML (within [ ] and { } put quotes around ${NAME})',
  ],
  [
    'a mirror declared twice',
    'mirrors:\n  epel: {baseurl: http://a/}\n  x: {baseurl: http://x/}\n  epel: {baseurl: http://b/}\n',
    '4: mirrors.epel: found a second one, expected only one (the first is on line 2)',
  ],
  [
    'keys declared twice at two levels',
    'listen: 80\nmirrors:\n  m:\n    baseurl: http://h/\n    retries: 1\n    retries: 2\nlisten: 81\n',
    '6: mirrors.m.retries: found a second one, expected only one (the first is on line 5)',
    '7: listen: found a second one, expected only one (the first is on line 1)',
  ],
  [
    'an alias of nothing',
    'mirrors:\n  a: *b\n',
    '2: mirrors.a: found the alias "b", expected an anchor of that name above it',
  ],
  [
    'an alias of itself',
    'mirrors: &a\n  x: *a\n',
    '2: mirrors.x: found the alias "a", expected an anchor of that name above it',
  ],
  // Keys.
  [
    'an xml_base of a file',
    mirror('xml_base: file:///srv/'),
    '4: mirrors.m.xml_base: found "file:///srv/", expected an http or https URL',
  ],
  [
    'an xml_base with a password',
    mirror('xml_base: [http://h/, http://u:p@h/]'),
    '4: mirrors.m.xml_base[1]: found "http://***@h/", expected an http or https URL without credentials',
  ],
  ['an unknown key', 'colour: red\n', `1: colour: found an unknown key, expected ${TOP}`],
  ['a key of a later version', 'replicas: 2\n', `1: replicas: found an unknown key, expected ${TOP}`],
  [
    'a misspelt key',
    'data-dirs: x\n',
    `1: data-dirs: found an unknown key, expected ${TOP}; did you mean data_dir?`,
  ],
  [
    'a key in another style',
    'publicUrl: x\n',
    `1: publicUrl: found an unknown key, expected ${TOP}; did you mean public_url?`,
  ],
  [
    'a misspelt key of a mirror',
    mirror('timout: 3'),
    `4: mirrors.m.timout: found an unknown key, expected ${MIRROR}; did you mean timeout?`,
  ],
  ['a merge key', '<<: {listen: 80}\n', `1: "<<": found an unknown key, expected ${TOP}`],
  ['__proto__', '__proto__: {listen: 80}\n', `1: __proto__: found an unknown key, expected ${TOP}`],
  [
    'a key for a terminal',
    '"a\\e[31m\\u009b": 1\n',
    `1: "a\\u001b[31m\\u009b": found an unknown key, expected ${TOP}`,
  ],
  // Top level.
  ['listen: a host', 'listen: localhost\n', `1: listen: found "localhost", expected ${LISTEN}`],
  ['listen: too high a port', 'listen: 65536\n', `1: listen: found 65536, expected ${LISTEN}`],
  ['listen: nothing', 'listen:\n', `1: listen: found nothing, expected ${LISTEN}`],
  ['listen: a mapping', 'listen: {port: 80}\n', `1: listen: found a mapping, expected ${LISTEN}`],
  ['public_url: a number', 'public_url: 8080\n', '1: public_url: found 8080, expected a URL'],
  [
    'public_url: a query',
    'public_url: https://h/?a\n',
    '1: public_url: found "https://h/?a", expected an http or https URL such as https://mirrors.example.org, without query and fragment',
  ],
  ['data_dir: a number', 'data_dir: 0x7e0\n', '1: data_dir: found 0x7e0, expected the path of a directory'],
  ['data_dir: empty', "data_dir: ''\n", '1: data_dir: found "", expected the path of a directory'],
  [
    'data_dir: a NUL',
    'data_dir: "a\\0b"\n',
    '1: data_dir: found "a\\u0000b", expected the path of a directory',
  ],
  [
    'data_dir: a tilde',
    'data_dir: ~/pinyon\n',
    '1: data_dir: found "~/pinyon", expected the path of a directory; for your home directory write ${HOME}',
  ],
  [
    'sync_interval: seconds',
    'sync_interval: 300\n',
    '1: sync_interval: found 300, expected a duration such as 8h or 30m, or off',
  ],
  [
    'sync_interval: false',
    'sync_interval: false\n',
    '1: sync_interval: found false, expected a duration such as 8h or 30m, or off',
  ],
  [
    'sync_interval: too short',
    'sync_interval: 999ms\n',
    '1: sync_interval: found "999ms", expected a duration from 1s to 24d, or off',
  ],
  [
    'sync_interval: too long',
    'sync_interval: 25d\n',
    '1: sync_interval: found "25d", expected a duration from 1s to 24d, or off',
  ],
  ['mirrors: a list', 'mirrors: [a]\n', '1: mirrors: found a list, expected a mapping of mirror names'],
  // Mirrors.
  [
    'a null mirror',
    'mirrors:\n  a:\n  b: {baseurl: http://b/}\n',
    '2: mirrors.a: found nothing, expected a mapping with at least a baseurl, metalink or mirrorlist',
  ],
  [
    'a word as mirror',
    'mirrors:\n  a: http://a/\n',
    '2: mirrors.a: found "http://a/", expected a mapping with at least a baseurl, metalink or mirrorlist',
  ],
  [
    'a list as mirror',
    'mirrors: {a: []}\n',
    '1: mirrors.a: found an empty list, expected a mapping with at least a baseurl, metalink or mirrorlist',
  ],
  [
    'no baseurl',
    'mirrors:\n  a:\n    retries: 3\n',
    '2: mirrors.a.baseurl: found nothing, expected a URL or a list of URLs; or a metalink or mirrorlist in its place',
  ],
  [
    'baseurl: nothing',
    'mirrors:\n  a:\n    baseurl:\n',
    '3: mirrors.a.baseurl: found nothing, expected a URL or a list of URLs',
  ],
  [
    'baseurl: empty list',
    'mirrors:\n  a: {baseurl: []}\n',
    '2: mirrors.a.baseurl: found an empty list, expected a URL or a list of URLs, at least one',
  ],
  [
    'baseurl: a list with mistakes',
    'mirrors:\n  a:\n    baseurl:\n      - http://h/\n      - ftp://h/\n      - 3\n',
    '5: mirrors.a.baseurl[1]: found "ftp://h/", expected an http, https or file URL',
    '6: mirrors.a.baseurl[2]: found 3, expected an http, https or file URL',
  ],
  [
    'baseurl: a query',
    'mirrors:\n  a: {baseurl: "http://h/?x"}\n',
    '2: mirrors.a.baseurl: found "http://h/?x", expected an http, https or file URL without query and fragment',
  ],
  ['enabled: yum style', mirror('enabled: 1'), '4: mirrors.m.enabled: found 1, expected true or false'],
  ['strict: text', mirror("strict: 'true'"), '4: mirrors.m.strict: found "true", expected true or false'],
  [
    'timeout: soon',
    mirror('timeout: soon'),
    '4: mirrors.m.timeout: found "soon", expected a duration such as 30s or 5m',
  ],
  [
    'timeout: nothing',
    mirror('timeout:'),
    '4: mirrors.m.timeout: found nothing, expected a duration such as 30s or 5m',
  ],
  [
    'timeout: a list',
    mirror('timeout: [30]'),
    '4: mirrors.m.timeout: found a list, expected a duration such as 30s or 5m',
  ],
  [
    'timeout: not a number',
    mirror('timeout: .nan'),
    '4: mirrors.m.timeout: found .nan, expected a duration such as 30s or 5m',
  ],
  [
    'timeout: infinite',
    mirror('timeout: .inf'),
    '4: mirrors.m.timeout: found .inf, expected a duration from 1s to 1h',
  ],
  ['timeout: zero', mirror('timeout: 0'), '4: mirrors.m.timeout: found 0, expected a duration from 1s to 1h'],
  [
    'timeout: negative',
    mirror('timeout: -5'),
    '4: mirrors.m.timeout: found -5, expected a duration from 1s to 1h',
  ],
  [
    'timeout: too long',
    mirror('timeout: 61m'),
    '4: mirrors.m.timeout: found "61m", expected a duration from 1s to 1h',
  ],
  [
    'retries: half',
    mirror('retries: 1.5'),
    '4: mirrors.m.retries: found 1.5, expected a whole number from 0 (none) to 100',
  ],
  [
    'workers: too many',
    'workers: 65\n',
    '1: workers: found 65, expected auto, or a whole number from 1 to 64',
  ],
  [
    'retries: too many',
    mirror('retries: 101'),
    '4: mirrors.m.retries: found 101, expected a whole number from 0 (none) to 100',
  ],
  [
    'retries: text',
    mirror("retries: '3'"),
    '4: mirrors.m.retries: found "3", expected a whole number from 0 (none) to 100',
  ],
  [
    'proxy: no URL',
    mirror('proxy: proxy:3128'),
    '4: mirrors.m.proxy: found "proxy:3128", expected a proxy such as http://proxy.example.org:3128 or socks5h://proxy.example.org:1080, or _none_',
  ],
  [
    'proxy: false',
    mirror('proxy: false'),
    '4: mirrors.m.proxy: found false, expected the URL of a proxy, or _none_',
  ],
  [
    'pin: no such minute',
    mirror('pin: 2016-13-13-13-30'),
    `4: mirrors.m.pin: found "2016-13-13-13-30", expected ${PIN}`,
  ],
  ['pin: latest', mirror('pin: latest'), `4: mirrors.m.pin: found "latest", expected ${PIN}`],
  ['pin: nothing', mirror('pin:'), `4: mirrors.m.pin: found nothing, expected ${PIN}`],
  ['pin: a number', mirror('pin: 2016'), `4: mirrors.m.pin: found 2016, expected ${PIN}`],
  ['pin: a list', mirror('pin: [2016-12-13-13-30]'), `4: mirrors.m.pin: found a list, expected ${PIN}`],
  // Names.
  [
    'a reserved name',
    'mirrors:\n  main: {baseurl: http://h/}\n',
    `2: mirrors.main: found the name "main" ("main" is the section of yum itself), expected ${NAME}`,
  ],
  [
    'a name with a space',
    'mirrors:\n  a b: {baseurl: http://h/}\n',
    `2: mirrors."a b": found the name "a b" (it holds " "), expected ${NAME}`,
  ],
  [
    'a name with a colon',
    'mirrors:\n  before:a: {baseurl: http://h/}\n',
    `2: mirrors."before:a": found the name "before:a" (it holds ":"), expected ${NAME}`,
  ],
  [
    'a name with a slash',
    'mirrors:\n  a/b: {baseurl: http://h/}\n',
    `2: mirrors."a/b": found the name "a/b" (it holds "/"), expected ${NAME}`,
  ],
  [
    'a relative path',
    'mirrors:\n  ..: {baseurl: http://h/}\n',
    `2: mirrors...: found the name ".." (it is a relative path), expected ${NAME}`,
  ],
  [
    'an empty name',
    "mirrors:\n  '': {baseurl: http://h/}\n",
    `2: mirrors."": found the name "" (it is empty), expected ${NAME}`,
  ],
  [
    'a control character',
    'mirrors:\n  "a\\tb": {baseurl: http://h/}\n',
    `2: mirrors."a\\tb": found the name "a\\tb" (it holds "\\t"), expected ${NAME}`,
  ],
  [
    'a prototype',
    'mirrors:\n  __proto__: {baseurl: http://h/}\n',
    `2: mirrors.__proto__: found the name "__proto__" (it is reserved), expected ${NAME}`,
  ],
  [
    'a long name',
    `mirrors:\n  ${'a'.repeat(101)}: {baseurl: http://h/}\n`,
    `2: mirrors.${'a'.repeat(80)}…: found the name "${'a'.repeat(80)}…" (it is longer than 100 bytes), expected ${NAME}`,
  ],
  [
    'a bad name with bad values',
    'mirrors:\n  main:\n    retries: x\n',
    `2: mirrors.main: found the name "main" ("main" is the section of yum itself), expected ${NAME}`,
    '2: mirrors.main.baseurl: found nothing, expected a URL or a list of URLs; or a metalink or mirrorlist in its place',
    '3: mirrors.main.retries: found "x", expected a whole number from 0 (none) to 100',
  ],
  // The environment, which holds X=soon.
  [
    'an unset variable, and nothing more about that key',
    'listen: ${PORT}\n',
    '1: listen: found "${PORT}", expected the environment variable PORT to be set, or ${PORT:-default}',
  ],
  [
    'an open reference',
    'data_dir: a${B\n',
    '1: data_dir: found "a${B", expected ${NAME} or ${NAME:-default}, or $${ for a literal ${',
  ],
  [
    'a variable with a bad value',
    mirror('timeout: ${X}'),
    '4: mirrors.m.timeout: found the string that "${X}" expands to, expected a duration such as 30s or 5m',
  ],
  // Secrets.
  [
    'credentials in what is no URL',
    mirror('proxy: user:secret@proxy:3128'),
    '4: mirrors.m.proxy: found "***@proxy:3128", expected a proxy such as http://proxy.example.org:3128 or socks5h://proxy.example.org:1080, or _none_',
  ],
  [
    'credentials with a slash and an at sign',
    'mirrors:\n  a: {baseurl: "ftp://user:se/cr@et@h/x"}\n',
    '2: mirrors.a.baseurl: found "ftp://***@h/x", expected an http, https or file URL',
  ],
  // Storage.
  [
    'retention is a word',
    'retention: long\n',
    '1: retention: found "long", expected a mapping of keys such as keep',
  ],
  ['no retention', 'retention:\n', '1: retention: found nothing, expected a mapping of keys such as keep'],
  [
    'an unknown key of retention',
    'retention: { kep: 1 }\n',
    '1: retention.kep: found an unknown key, expected one of keep, max_age, keep_used, grace, removed; did you mean keep?',
  ],
  ['an age without unit', 'retention:\n  max_age: 14\n', `2: retention.max_age: found 14, expected ${AGE}`],
  ['an age of nothing', 'retention: { max_age: 0s }\n', `1: retention.max_age: found "0s", expected ${AGE}`],
  [
    'nothing kept',
    'retention: { keep: 0 }\n',
    '1: retention.keep: found 0, expected a whole number from 1 to 100000',
  ],
  [
    'half a generation',
    'retention: { grace: 0.5 }\n',
    '1: retention.grace: found 0.5, expected a whole number from 0 to 100000',
  ],
  [
    'clients in another way',
    'dashboard: { clients: all }\n',
    '1: dashboard.clients: found "all", expected one of network, full, count',
  ],
  [
    'figures of some mirrors',
    'metrics: { per_mirror: some }\n',
    '1: metrics.per_mirror: found "some", expected true or false',
  ],
  ['no size', 'cache: { max_size: lots }\n', `1: cache.max_size: found "lots", expected ${SIZE}`],
  ['a small size', 'cache: { max_size: 1000 }\n', `1: cache.max_size: found 1000, expected ${SIZE}`],
  [
    'all memory',
    'cache:\n  memory: 1TiB\n',
    '2: cache.memory: found "1TiB", expected a size of at most 64GiB',
  ],
]

describe('each mistake is reported with its line', () => {
  for (const [name, text, ...expected] of CASES) {
    test(name, (t) => {
      assert.deepEqual(
        new ConfigFile(t).problems(text, { X: 'soon' }),
        expected.map((line) => `pinyon.yaml:${line}`),
      )
    })
  }
})

import { describeProblems, mirror, type ProblemCase } from './problem-cases.ts'

const TOP =
  'one of listen, public_url, trusted_proxies, data_dir, workers, sync_interval, vars, tokens, policy, warm_window, prefetch, retention, cache, fast_path, hosts, dashboard, metrics, mirrors'
const MIRROR =
  'one of baseurl, metalink, mirrorlist, mirrorlist_expire, failovermethod, vars, arches, fallback, xml_base, extra_files, policy, warm_window, enabled, sync_interval, timeout, retries, minrate, throttle, bandwidth, max_parallel_downloads, proxy, sslverify, sslcacert, sslclientcert, sslclientkey, username, password, bearer_token, proxy_username, proxy_password, proxy_sslverify, proxy_sslcacert, proxy_sslclientcert, proxy_sslclientkey, strict, allow_older, pin, gpgkey, repo_gpgcheck, gpgcheck'
const AGE = 'a duration from 1s to 3650d, such as 14d'
const SIZE = 'a size of at least 1MiB, such as 200GiB'
const LISTEN = 'host:port such as 127.0.0.1:8080, [::1]:8080 or :8080'

const CASES: readonly ProblemCase[] = [
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
    '1: public_url: found "https://h/?***", expected an http or https URL such as https://mirrors.example.org, without query and fragment',
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
  [
    'workers: too many',
    'workers: 65\n',
    '1: workers: found 65, expected auto, or a whole number from 1 to 64',
  ],
  ['mirrors: a list', 'mirrors: [a]\n', '1: mirrors: found a list, expected a mapping of mirror names'],
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

describeProblems('each mistake is reported with its line', CASES)

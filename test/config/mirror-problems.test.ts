import { describeProblems, mirror, type ProblemCase } from './problem-cases.ts'

const NAME = 'a mirror name of letters, digits and . _ + @ ~ -'
const PIN = "a snapshot's name such as 2016-12-13-13-30"

const CASES: readonly ProblemCase[] = [
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
    '2: mirrors.a.baseurl: found "http://h/?***", expected an http, https or file URL without query and fragment',
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
]

describeProblems('each mistake in a mirror is reported with its line', CASES)

/** Requests of every kind, as they are sent: what a client sends, may send, and should not. */
export function everyRequest(base: string, hrefs: readonly string[]): Buffer[] {
  const repomd = `${base}/repodata/repomd.xml`
  const [small = '', large = ''] = hrefs.map((href) => `${base}/${href}`)
  const snapshot = base.slice(base.lastIndexOf('/') + 1)
  return [
    ...plainTargets(base, snapshot, [repomd, small, large]).map((target) => ask('GET', target)),
    ...[repomd, small, large, `${base}/`, '/setup.repo', '/none', `${base}/none`].map((target) =>
      ask('HEAD', target),
    ),
    ...RANGES.map((range) => ask('GET', large, [`Range: ${range}`])),
    ...CONDITIONS.map((condition) => ask('GET', repomd, [condition])),
    ...HEADERS.map((header) => ask('GET', small, [header])),
    ...['PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'FROB'].map((method) => ask(method, small)),
    ...['/api/v1/mirrors/m/sync', '/api/v1/gc', '/api/v1/reload', '/repos/inject', small].map((target) =>
      post(target, 'x'),
    ),
    post('/repos/inject?base=x', '[m]\nname=m\nbaseurl=http://elsewhere/\nenabled=1\n'),
    post('/repos/inject', `[m]\nbaseurl=http://elsewhere/\n${'# a comment\n'.repeat(60_000)}`),
    ask('DELETE', '/repos/views/job', ['Authorization: Bearer wrong-wrong-wrong-wrong']),
    ask('CONNECT', 'example.org:443'),
    ...SHAPES.map((shape) => Buffer.from(shape.replaceAll('TARGET', small), 'latin1')),
  ]
}

function plainTargets(base: string, snapshot: string, files: readonly string[]): string[] {
  return [
    ...files,
    ...files.map((file) => `${file}?x=1`),
    ...['json', 'yaml', 'py', 'html'].map((format) => `/repos/yum/all_latest.${format}`),

    '/healthz',
    '/readyz',
    '/client.sh',
    '/setup.repo',
    '/none',
    '/repos',
    '/repos/',
    '/repos/yum/',
    '/repos/yum/m/',

    '/repos/yum/m/latest.txt',
    '/repos/yum/m',
    '/repos/yum/none/latest.txt',
    `/repos/yum/none/${snapshot}/x`,

    base,
    `${base}/`,
    `${base}/repodata/`,
    `${base}/mirror.repo`,
    `${base}/none.rpm`,
    `${base}/repodata/none.xml`,
    '/repos/yum/m/latest/repodata/repomd.xml',
    '/repos/yum/m/2001-01-01-01-01/repodata/repomd.xml',

    `/repos/yum/m/at/2031-01-01T00:00:00Z/`,
    '/repos/generations/1/all_latest.json',
    '/repos/at/now/all_latest.json',
    '/repos/views/job/all_latest.json',
    '/api/v1/mirrors/none',
    '/api/v1/none',
    '/assets/none.js',

    `${base}/../x`,
    `${base}/%2e%2e/x`,
    `${base}/a%2fb`,
    `${base}/a%00b`,
    `${base}//x`,
    '//',
    '/%',
    '*',
    'repos',
    `${base}/${'x'.repeat(5_000)}`,
    files[0]?.replace('repodata', '%72epodata') ?? '',
    files[0]?.replace('/repos', 'http://example.org/repos') ?? '',
  ]
}

const RANGES = [
  'bytes=0-9',
  'bytes=-5',
  'bytes=100-',
  'bytes=0-0,5-9',
  'bytes=99999999-',
  'bytes=5-1',
  'lines=1-2',
  'bytes=',
]
const CONDITIONS = [
  'If-None-Match: *',
  'If-None-Match: "none"',
  'If-Match: "none"',
  'If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT',
  'If-Modified-Since: Fri, 01 Jan 1990 00:00:00 GMT',
  'If-Unmodified-Since: Fri, 01 Jan 1990 00:00:00 GMT',
]
const HEADERS = [
  'User-Agent: libdnf (Fedora 41)',
  'Accept-Encoding: gzip, br',
  'X-Forwarded-For: 10.1.1.1',
  'Cookie: theme=dark',
  'Expect: 100-continue',
  'Expect: something',
  'Content-Length: 0',
  'Host: other.example.org',
  `X-Long: ${'y'.repeat(20_000)}`,
]

/** Whole messages; TARGET is a small file. */
const SHAPES = [
  'GET TARGET HTTP/1.0\r\n\r\n',
  'GET TARGET HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  'GET TARGET HTTP/1.1\r\nConnection: close\r\n\r\n',
  'GET TARGET HTTP/1.1\nHost: a\nConnection: close\n\n',
  'GET TARGET HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n',
  'GET TARGET HTTP/2.0\r\nHost: a\r\nConnection: close\r\n\r\n',
  'get TARGET HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  'GET  TARGET HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  'GET TARGET\r\n\r\n',
  'GET TARGET HTTP/1.1\r\nHost: a\r\nBad Header: x\r\nConnection: close\r\n\r\n',
  'GET TARGET HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n',
  'GET TARGET HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n',
  '\r\n\r\nGET TARGET HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  'nonsense\r\n\r\n',
  '\x16\x03\x01\x00\xa5\x01\x00\x00',
  'GET TARGET HTTP/1.1\r\nHost: a\r\n\r\nGET TARGET HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  'GET TARGET HTTP/1.1\r\nHost: a\r\n\r\nHEAD TARGET HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
]

function ask(method: string, target: string, headers: readonly string[] = []): Buffer {
  return Buffer.from(
    `${[`${method} ${target} HTTP/1.1`, 'Host: example.org', ...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`,
  )
}

function post(target: string, body: string): Buffer {
  const head = `POST ${target} HTTP/1.1\r\nHost: example.org\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`
  return Buffer.from(head + body)
}

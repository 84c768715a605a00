import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'

import { INDEX_MAX_BYTES, openIndexLoader } from '../../../src/cli/inject/index-loader.ts'
import { INDEX_BUDGET_MS, type TryClock } from '../../../src/cli/inject/index-tries.ts'
import { resolveIndex } from '../../../src/inject/index-resolution.ts'
import type { MirrorMap } from '../../../src/inject/mirror-map.ts'
import { gate } from '../../support/gate.ts'
import { tempDir } from '../../support/temp-dir.ts'
import type { Rule } from '../../support/upstream-behaviour.ts'
import { startUpstream, type Upstream } from '../../support/upstream.ts'

// What may come of asking for an index: the table of the old client, of which what went wrong silently fails here.

const INDEX = '{ "latest_ci_repos": {\n  "a-el9": "http://h/a"\n} }\n'
const MIRRORS = { 'a-el9': 'http://h/a' }

/** A clock that stands all but still, apart from sleeping. */
class StillClock implements TryClock {
  ms = 0
  readonly slept: number[] = []
  readonly now = () => (this.ms += 0.001)
  readonly random = () => 0.5
  readonly sleep = async (ms: number) => {
    this.slept.push(ms)
    this.ms += ms
  }
}

/** What is waited after each try that failed, before the thirty seconds are over. */
const PAUSES = [250, 500, 1_000, 2_000, ...Array<number>(6).fill(4_000)]

interface Trial {
  readonly upstream: Upstream
  readonly clock: StillClock
  readonly warnings: string[]
  readonly url: string
  /** Reads the index of this content. */
  readonly read: (content?: string | Uint8Array, name?: string) => Promise<MirrorMap>
}

async function begin(t: TestContext, rules: readonly Rule[] = []): Promise<Trial> {
  const root = tempDir(t)
  const upstream = await startUpstream(t, root)
  upstream.rules = rules
  const clock = new StillClock()
  const warnings: string[] = []
  const url = `${upstream.url}all_latest.json`
  const read = async (content: string | Uint8Array = INDEX, name = 'all_latest.json') => {
    writeFileSync(join(root, name), content)
    return await readIndex(`${upstream.url}${name}`, clock, warnings)
  }
  return { upstream, clock, warnings, url, read }
}

async function readIndex(url: string, clock: TryClock, warnings: string[] = []): Promise<MirrorMap> {
  const loader = openIndexLoader({ clock, warn: (line) => warnings.push(line) })
  try {
    return await resolveIndex(url, 'file:///nowhere/', loader.load)
  } finally {
    await loader.close()
  }
}

const plain = ({ mirrors }: MirrorMap) => Object.fromEntries(mirrors)
const always = { match: /./ }

describe('an index that is there', () => {
  test('200 and valid: taken, at the first try', async (t) => {
    const { read, upstream, warnings } = await begin(t)
    assert.deepEqual([plain(await read()), upstream.requests.length, warnings], [MIRRORS, 1, []])
    const { headers } = upstream.requests[0] ?? {}
    assert.match(String(headers?.['user-agent']), /^pinyon\//)
  })

  test('first two bad, third good: taken, with a warning for each', async (t) => {
    const { read, upstream, warnings, clock, url } = await begin(t, [
      { ...always, times: 1, shortenTo: 20 },
      { ...always, times: 1, html: true },
    ])
    assert.deepEqual(plain(await read()), MIRRORS)
    assert.equal(upstream.requests.length, 3)
    assert.deepEqual(clock.slept, [250, 500])
    assert.match(
      warnings[0] ?? '',
      new RegExp(`^index ${url}: expected JSON, found 20 bytes: .*; trying again in 0.3 s$`, 's'),
    )
    assert.equal(warnings.length, 2)
  })

  test('Content-Length longer than the body, JSON complete: taken', async (t) => {
    const { read, upstream } = await begin(t, [{ ...always, contentLength: INDEX.length + 10 }])
    assert.deepEqual([plain(await read()), upstream.requests.length], [MIRRORS, 1])
  })

  test('any Content-Type, gzip unasked, extra keys, duplicate names: taken, of duplicates the last', async (t) => {
    const { read } = await begin(t, [
      { ...always, headers: { 'Content-Type': 'text/html', 'Content-Encoding': 'gzip' } },
    ])
    const text = '{"x": 1, "latest_ci_repos": {"a-el9": "http://h/1", "a-el9": "http://h/a"}, "y": null}'
    assert.deepEqual(plain(await read(gzipSync(text))), MIRRORS)
  })

  test('an empty map: taken, for nothing is in it', async (t) => {
    const { read } = await begin(t)
    assert.deepEqual(plain(await read('{"latest_ci_repos": {}}')), {})
  })

  test('30x: followed, five times', async (t) => {
    const { read, upstream } = await begin(t)
    upstream.rules = (request) =>
      request.index < 5
        ? {
            redirectTo: `/${request.index}/all_latest.json`,
            status: [301, 302, 303, 307, 308][request.index] ?? 302,
          }
        : request.path.startsWith('/4/')
          ? { redirectTo: '/all_latest.json' }
          : {}
    await assert.rejects(read(), /redirects more often than: 5 times/)
    upstream.rules = [{ ...always, times: 5, redirectTo: '/all_latest.json' }]
    assert.deepEqual(plain(await read()), MIRRORS)
  })

  test('with a trailing slash and root-relative (statement 44), as YAML and as Python', async (t) => {
    const { read, upstream } = await begin(t)
    const gated = { 'a-el9': `${upstream.url}a/1/` }
    assert.deepEqual(plain(await read('{"latest_ci_repos": {"a-el9": "/a/1/"}}')), gated)
    assert.deepEqual(plain(await read("---\nlatest_ci_repos:\n  a-el9: '/a/1/'\n", 'all_latest.yaml')), gated)
    assert.deepEqual(
      plain(await read("latest_ci_repos = {\n    'a-el9': '/a/1/',\n}\n", 'all_latest.py')),
      gated,
    )
  })
})

describe('trouble that may pass', () => {
  const passing: readonly (readonly [title: string, rule: Partial<Rule>, message: RegExp])[] = [
    ...[500, 502, 503, 504, 202, 206, 408, 429].map(
      (status) => [`${status}`, { status }, new RegExp(`answered: ${status}$`)] as const,
    ),
    ['a connection that ends before the headers', { hangUp: true }, /could not be reached: /],
    ['200 and truncated JSON', { shortenTo: 30 }, /expected JSON, found 30 bytes: /],
    ['200 and an empty body', { shortenTo: 0 }, /expected JSON, found 0 bytes: /],
    ['200 and no JSON', { html: true }, /expected JSON, found \d+ bytes: /],
    ['a body that breaks off before its length', { cutAt: 30 }, /broke off after 30 bytes: /],
    [
      'a chunked body that breaks off where it could end',
      { framing: 'chunked', cutAt: INDEX.length },
      /broke off after \d+ bytes: /,
    ],
    ['a broken chunked body', { framing: 'chunked', cutAt: 30 }, /broke off after \d+ bytes: /],
  ]
  for (const [title, rule, message] of passing)
    test(`${title}: tried anew within 30 s, then refused`, async (t) => {
      const { read, upstream, clock, warnings, url } = await begin(t, [{ ...always, ...rule }])
      const error = await read().then(
        () => assert.fail('it was taken'),
        (caught: Error) => caught,
      )
      assert.match(error.message, message)
      assert.ok(error.message.startsWith(`index ${url}: tried 11 times in 27.8 s: `), error.message)
      assert.deepEqual(clock.slept, PAUSES)
      assert.deepEqual([upstream.requests.length, warnings.length], [11, 10])
    })

  test('a byte order mark: as no JSON', async (t) => {
    const { read, upstream } = await begin(t)
    await assert.rejects(read(`\ufeff${INDEX}`), { code: 'INDEX_UNREADABLE' })
    assert.equal(upstream.requests.length, 11)
  })

  test('bad gzip: as no JSON', async (t) => {
    const { read, upstream } = await begin(t)
    await assert.rejects(read(gzipSync(INDEX).subarray(0, -9)), { message: /gzip of \d+ bytes: / })
    assert.equal(upstream.requests.length, 11)
  })

  test('connection refused: tried anew; taken once somebody listens', async (t) => {
    const { read, upstream, clock, warnings, url } = await begin(t)
    await upstream.stop()
    await assert.rejects(read(), {
      code: 'UPSTREAM_UNREACHABLE',
      message: new RegExp(`^index ${url}: tried 11 times in 27.8 s: .*ECONNREFUSED$`),
    })
    const { sleep } = clock
    const restarted = Object.assign(clock, {
      ms: 0,
      sleep: async (ms: number) => {
        await sleep(ms)
        if (clock.ms > 2_000) await upstream.start()
      },
    })
    assert.deepEqual(plain(await readIndex(url, restarted, warnings)), MIRRORS)
  })

  test('a host that cannot be reached: tried anew, then refused', async () => {
    await assert.rejects(readIndex('http://192.0.2.1/all_latest.json', new StillClock()), {
      code: 'UPSTREAM_UNREACHABLE',
      message: /^index http:\/\/192.0.2.1\/all_latest.json: tried 11 times/,
    })
  })

  for (const [title, rule] of [
    ['no answer', {}],
    ['an answer that does not end', { stall: 10 }],
  ] as const)
    test(`${title}: refused when the time is up`, async (t) => {
      const { read, upstream, clock } = await begin(t)
      const never = gate()
      t.after(() => never.open())
      const held = 'stall' in rule ? { stall: { afterBytes: rule.stall, until: never } } : { hold: never }
      upstream.rules = [{ ...always, ...held }]
      // Most of the thirty seconds are over when the only try begins; a busy machine needs some of the rest to connect.
      const times = [0]
      Object.assign(clock, { now: () => times.shift() ?? INDEX_BUDGET_MS - 200 })
      await assert.rejects(read(), {
        code: 'UPSTREAM_TIMEOUT',
        message: /tried once: no whole answer within: 0\.2 s$/,
      })
      assert.equal(upstream.requests.length, 1)
    })

  test('pauses differ from slave to slave, and no try begins after the thirty seconds', async (t) => {
    const { upstream, url } = await begin(t, [{ ...always, status: 503 }])
    for (const [random, expected] of [
      [0, [125, 250, 500, 1_000, ...Array<number>(14).fill(2_000)]],
      [0.999, [375, 750, 1_499, 2_998, ...Array<number>(4).fill(5_996)]],
    ] as const) {
      const clock = Object.assign(new StillClock(), { random: () => random })
      await assert.rejects(readIndex(url, clock), { code: 'UPSTREAM_STATUS' })
      assert.deepEqual(clock.slept, expected)
    }
    assert.equal(upstream.requests.length, 19 + 9)
  })

  test('documents share the thirty seconds', async (t) => {
    const { read, upstream, clock } = await begin(t, [
      { match: '2.json', status: 503 },
      { match: 'all_latest.json', times: 6, status: 503 },
    ])
    const outer = '{"latest_ci_repos": {"include:": ["2.json"]}}'
    await assert.rejects(read(outer), {
      message:
        /^index http:\S+2\.json: tried 8 times in 15\.8 s: .*\(included by http:\S+all_latest\.json\)$/,
    })
    assert.ok(clock.ms < INDEX_BUDGET_MS)
    assert.equal(upstream.requests.length, 7 + 8)
  })
})

describe('trouble that will not pass: refused at once', () => {
  for (const status of [400, 401, 403, 404, 410, 204, 418])
    test(`${status}`, async (t) => {
      const { read, upstream, url } = await begin(t, [{ ...always, status }])
      await assert.rejects(read(), { message: `index ${url}: tried once: ${url} answered: ${status}` })
      assert.equal(upstream.requests.length, 1)
    })

  test('a redirect loop', async (t) => {
    const { read, upstream } = await begin(t, [{ ...always, redirectTo: '/all_latest.json' }])
    await assert.rejects(read(), /tried once: .* redirects more often than: 5 times$/)
    assert.equal(upstream.requests.length, 6)
  })

  test('a redirect to a file', async (t) => {
    const { read, upstream } = await begin(t, [{ ...always, redirectTo: 'file:///etc/passwd' }])
    await assert.rejects(read(), /redirects to no http or https URL: 302$/)
    assert.equal(upstream.requests.length, 1)
  })

  const invalid: readonly (readonly [title: string, text: string, message: RegExp])[] = [
    ['{}', '{}', /expected the key latest_ci_repos, found: \[\]$/],
    [
      'the key is missing',
      '{"error": "maintenance"}',
      /expected the key latest_ci_repos, found: \["error"\]$/,
    ],
    ['a value is null', '{"latest_ci_repos": {"a": null}}', /a: expected a URL, found: null$/],
    ['a top-level list', '["a"]', /expected an object, found: \["a"\]$/],
    ['a value is a number', '{"latest_ci_repos": {"a": 7}}', /a: expected a URL, found: 7$/],
    ['a value is an object', '{"latest_ci_repos": {"a": {}}}', /a: expected a URL, found: \{\}$/],
    ['a value is empty', '{"latest_ci_repos": {"a": ""}}', /a: expected a URL, found: ""$/],
    ['a value has a line break', '{"latest_ci_repos": {"a": "http://h\\nproxy=x"}}', /a: expected an http/],
    [
      'an include is not there',
      '{"latest_ci_repos": {"include:": ["gone/all_latest.json"]}}',
      /gone\/all_latest.json answered: 404 \(included by/,
    ],
  ]
  for (const [title, text, message] of invalid)
    test(title, async (t) => {
      const { read, upstream, clock } = await begin(t)
      await assert.rejects(
        read(text),
        (error: Error) => message.test(error.message) && /^index http:\S+: tried once: /.test(error.message),
      )
      assert.deepEqual([upstream.requests.length <= 2, clock.slept], [true, []])
    })

  test('more bytes than any index has', async (t) => {
    const { read, upstream } = await begin(t)
    await assert.rejects(
      read(Buffer.alloc(INDEX_MAX_BYTES + 1, 0x20)),
      /expected at most 4194304 bytes, found: more$/,
    )
    const bomb = gzipSync(Buffer.alloc(INDEX_MAX_BYTES + 1, 0x20))
    await assert.rejects(read(bomb), { code: 'INDEX_UNREADABLE' })
    assert.ok(upstream.requests.length <= 12)
  })

  test('a TLS handshake with what speaks none', async (t) => {
    const server = createServer((socket) => socket.end('HTTP/1.1 400 no\r\n\r\n')).listen(0, '127.0.0.1')
    t.after(() => server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const clock = new StillClock()
    await assert.rejects(readIndex(`https://127.0.0.1:${port}/`, clock), { code: 'UPSTREAM_UNREACHABLE' })
    assert.deepEqual(clock.slept, [])
  })

  test('user and password of a URL are sent, and shown to nobody', async (t) => {
    const { upstream, url } = await begin(t, [{ ...always, status: 401 }])
    const error = await readIndex(url.replace('http://', 'http://ci:s3cret@'), new StillClock()).catch(
      (caught: Error) => caught,
    )
    assert.equal(
      upstream.requests[0]?.headers.authorization,
      `Basic ${Buffer.from('ci:s3cret').toString('base64')}`,
    )
    assert.ok(error instanceof Error && !error.message.includes('s3cret'))
  })
})

describe('a file', () => {
  test('as servers write it, or flat, is read once; what is wrong with it is told with its path', async (t) => {
    const dir = tempDir(t)
    const file = join(dir, 'all latest.json')
    const clock = new StillClock()
    writeFileSync(file, INDEX)
    assert.deepEqual(plain(await readIndex(file, clock)), MIRRORS)
    writeFileSync(file, '{"a-el9": "http://h/a"}')
    assert.deepEqual(plain(await readIndex(file, clock)), MIRRORS)
    writeFileSync(file, '{"a-el9": "http')
    await assert.rejects(readIndex(file, clock), {
      code: 'INDEX_UNREADABLE',
      message:
        /^index file:\S+\/all latest.json: expected JSON, YAML or latest_ci_repos = \{…\}, found 15 bytes: /,
    })
    await assert.rejects(
      readIndex(join(dir, 'none'), clock),
      /^PinyonError: index file:\S+none: reading \S+none: ENOENT$/,
    )
    await assert.rejects(readIndex(dir, clock), /not a file: /)
    assert.deepEqual(clock.slept, [])
  })
})

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, test, type TestContext } from 'node:test'

import { httpGet, type HttpReply } from '../support/http-get.ts'
import { Machine } from '../support/machine.ts'
import { startApp, type StartAppOptions, type StartedApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const FORMATS = ['json', 'yaml', 'py', 'html'] as const

interface Farm {
  readonly machine: Machine
  readonly app: StartedApp
  /** The same data directory served again, on another port. */
  readonly restart: (options?: Partial<StartAppOptions>) => Promise<StartedApp>
  /** Publishes another state of every mirror. */
  readonly publish: (app: StartedApp) => Promise<void>
}

async function startFarm(t: TestContext, options: Partial<StartAppOptions> = {}): Promise<Farm> {
  const dir = tempDir(t)
  const upstream = await startUpstream(t, dir)
  const machine = new Machine()
  const dataDir = tempDir(t)
  const mirrors = { a: upstream.url, b: upstream.url }
  let version = 0
  const publish = async ({ sync }: StartedApp) => {
    version += 1
    writeSyntheticRepository(dir, { packages: [{ name: 'x', version: `1.${version}` }] })
    machine.pass(60_000)
    for (const mirror of ['a', 'b']) await sync(mirror)
  }
  const start = async (more: Partial<StartAppOptions> = {}) =>
    await startApp(t, {
      mirrors,
      dataDir,
      clock: machine.clock,
      now: () => machine.wallMs,
      ...options,
      ...more,
    })
  const app = await start()
  await publish(app)
  return {
    machine,
    app,
    publish,
    restart: async (more) => {
      await app.close()
      return await start(more)
    },
  }
}

function viewUrl({ url }: StartedApp, name: string, format: string = 'json'): string {
  return `${url}/repos/views/${name}/all_latest.${format}`
}

async function body(url: string, host = 'mirrors.example.org'): Promise<string> {
  const reply = await httpGet(url, { headers: { Host: host } })
  assert.equal(reply.status, 200, reply.body.toString())
  return reply.body.toString()
}

const readAll = async (app: StartedApp, name: string) =>
  await Promise.all(FORMATS.map((format) => body(viewUrl(app, name, format))))

test('a view repeats the same bytes in every format, whatever is published, pinned, taken out, or restarted', async (t) => {
  const { app, publish, restart } = await startFarm(t)
  const index = await body(`${app.url}/repos/yum/all_latest.json`)
  const frozen = await readAll(app, 'job-1')
  assert.equal(frozen[0], index, 'the index as it is now')
  await publish(app)
  assert.notEqual(await body(`${app.url}/repos/yum/all_latest.json`), index)
  assert.deepEqual(await readAll(app, 'job-1'), frozen)
  const first = /a\/([\d-]+)"/.exec(index)?.[1] ?? ''
  await app.app.store.reconcile([{ name: 'a', pin: first }], 0)
  assert.deepEqual(await readAll(app, 'job-1'), frozen)
  for (const [mirror, url] of Object.entries(
    (JSON.parse(frozen[0] ?? '') as { latest_ci_repos: Record<string, string> }).latest_ci_repos,
  )) {
    const path = url.replace('http://mirrors.example.org', app.url)
    assert.equal((await httpGet(`${path}/repodata/repomd.xml`)).status, 200, mirror)
  }
  const again = await restart({ mirrors: { c: 'http://127.0.0.1:9/' } })
  assert.deepEqual(await readAll(again, 'job-1'), frozen)
  assert.match((await body(viewUrl(again, 'job-2'))).replace(/\s/g, ''), /^\{"latest_ci_repos":\{\}\}$/)
})

const shown = ({ status, headers }: HttpReply) => [
  status,
  headers['content-type'],
  headers['cache-control'],
  headers['x-cache'],
]

test('what a job reads is what its clients can take: no redirect, a length, a validator, one map for all hosts', async (t) => {
  const { app, publish } = await startFarm(t)
  const first = await httpGet(viewUrl(app, 'job', 'json'))
  assert.deepEqual(shown(first), [200, 'application/json', 'no-cache', 'hit'])
  assert.equal(first.headers['content-length'], String(first.body.length))
  assert.match(String(first.headers.etag), /^"[0-9a-f]{32}"$/)
  await publish(app)
  const again = await httpGet(viewUrl(app, 'job'), {
    headers: { 'If-None-Match': String(first.headers.etag) },
  })
  assert.deepEqual([again.status, again.body.length], [304, 0])
  const head = await httpGet(viewUrl(app, 'job'), { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers.etag, head.body.length], [200, first.headers.etag, 0])
  assert.equal(head.headers['content-length'], first.headers['content-length'])
  const other = await body(viewUrl(app, 'job'), 'other.example.org:81')
  const own = app.url.replace('http://', '')
  assert.equal(other.replaceAll('other.example.org:81', own), first.body.toString())
  assert.equal((await httpGet(viewUrl(app, 'job'), { headers: { Host: 'a b' } })).status, 400)
})

test('HEAD and 304 keep a view as GET does; the wall clock does not', async (t) => {
  const { machine, app, publish } = await startFarm(t)
  const frozen = await body(viewUrl(app, 'job'))
  const { headers } = await httpGet(viewUrl(app, 'job'))
  await publish(app)
  const etag = String(headers.etag)
  for (const options of [{ method: 'HEAD' }, { headers: { 'If-None-Match': etag } }, { method: 'GET' }]) {
    machine.pass(23 * HOUR_MS)
    machine.setWall(1000 * DAY_MS)
    assert.ok([200, 304].includes((await httpGet(viewUrl(app, 'job'), options)).status))
  }
  machine.setWall(-3000 * DAY_MS)
  assert.equal(await body(viewUrl(app, 'job')), frozen)
  machine.pass(24 * HOUR_MS + 1_000)
  assert.notEqual(await body(viewUrl(app, 'job')), frozen, 'expired: frozen anew')
})

test('a ttl ends a view, restarted or not, and DELETE ends it at once', async (t) => {
  const { machine, app, publish, restart } = await startFarm(t)
  const frozen = await body(`${viewUrl(app, 'short')}?ttl=90m`)
  assert.equal(await body(`${viewUrl(app, 'ended')}?x=1&ttl=14d`), frozen)
  await publish(app)
  const now = await body(`${app.url}/repos/yum/all_latest.json`)
  machine.pass(88 * 60_000)
  const again = await restart()
  assert.equal(await body(viewUrl(again, 'short')), frozen)
  machine.pass(90 * 60_000 + 1_000)
  assert.equal(await body(viewUrl(again, 'short')), now)
  for (const format of ['json', 'py'])
    for (const _ of [1, 2]) {
      const ended = await httpGet(viewUrl(again, 'ended', format), { method: 'DELETE' })
      assert.deepEqual([ended.status, ended.body.length, ended.headers['x-cache']], [204, 0, 'hit'])
    }
  assert.equal(await body(viewUrl(again, 'ended')), now)
})

test('before anything was published a view is empty, and not frozen so', async (t) => {
  const dir = tempDir(t)
  writeSyntheticRepository(dir, { packages: [] })
  const upstream = await startUpstream(t, dir)
  const app = await startApp(t, { mirrors: { m: upstream.url } })
  assert.equal(await body(viewUrl(app, 'job', 'yaml')), '---\nlatest_ci_repos: {}\n')
  assert.equal((await httpGet(viewUrl(app, 'job'), { method: 'DELETE' })).status, 204)
  await app.sync('m')
  assert.match(await body(viewUrl(app, 'job', 'yaml')), /\n {2}m: 'http/)
})

test('one too many is 429 with the limit and the way out; what is there goes on', async (t) => {
  const { app, publish } = await startFarm(t, { maxViews: 4 })
  const frozen = await body(viewUrl(app, 'a'))
  await body(viewUrl(app, 'b'))
  const full = await httpGet(viewUrl(app, 'c'))
  assert.deepEqual(
    [full.status, full.headers['x-cache'], full.headers['cache-control']],
    [429, 'bad_request', 'no-store'],
  )
  assert.match(
    String(full.headers['x-pinyon-reason']),
    /^127\.0\.0\.1 holds 2 views, as many as are left for all others, .* DELETE, .* the next ends in 1d: c$/,
  )
  await publish(app)
  assert.equal(await body(viewUrl(app, 'a')), frozen)
  await httpGet(viewUrl(app, 'b'), { method: 'DELETE' })
  await body(viewUrl(app, 'c'))
})

describe('hostile views', () => {
  test('names, ttls, methods and paths that mean nothing are refused, and leave nothing behind', async (t) => {
    const { app } = await startFarm(t)
    const long = 'n'.repeat(128)
    const file = '/all_latest.json'
    const bad: readonly (readonly [number, string])[] = [
      [400, `/repos/views/-a${file}`],
      [400, `/repos/views/.a${file}`],
      [400, `/repos/views/..${file}`],
      [400, `/repos/views/%2e%2e${file}`],
      [400, `/repos/views/a%2fb${file}`],
      [400, `/repos/views/a%0a${file}`],
      [400, `/repos/views/a b${file}`.replace(' ', '%20')],
      [400, `/repos/views/${long}n${file}`],
      [400, `/repos/views/%C3%A9${file}`],
      [400, `/repos/views/a'--${file}`],
      ...[
        '',
        '0s',
        '999ms',
        '24',
        '1e9d',
        '-1d',
        '%00',
        '1h%00',
        '%',
        '%ff',
        '1d+',
        '9'.repeat(7_000),
        'NaN',
        '1d1d',
      ].map((ttl) => [400, `/repos/views/a${file}?ttl=${ttl}`] as const),
      [400, `/repos/views/a${file}?ttl=1d&ttl=1d`],
      [400, `/repos/views/a${file}?${'x=1&'.repeat(3_000)}`],
      [404, '/repos/views'],
      [404, '/repos/views/'],
      [404, '/repos/views/a'],
      [404, '/repos/views/a/'],
      [404, '/repos/views/a/all_latest.xml'],
      [404, `/repos/views/a${file}/more`],
      [404, `/repos/views/a/b${file}`],
    ]
    for (const [status, path] of bad) {
      const reply = await httpGet(app.url + path)
      assert.deepEqual([reply.status, reply.complete], [status, true], path.slice(0, 200))
      assert.ok(String(reply.headers['x-pinyon-reason']).length <= 500)
    }
    assert.equal(await app.app.store.views.count(), 0)
    const good = [
      `/repos/views/${long}${file}`,
      `/repos//views/%61${file}?ttl=99999999999d`,
      `/repos/views/b.-_${file}?ttl=1%64`,
    ]
    for (const path of good) assert.equal((await httpGet(app.url + path)).status, 200, path)
    const views = await app.app.store.views.list()
    assert.deepEqual(
      views.map(({ name, ttlMs }) => [name.slice(0, 4), ttlMs]),
      [
        ['a', 14 * DAY_MS],
        ['b.-_', DAY_MS],
        ['nnnn', DAY_MS],
      ],
    )
  })

  test('other methods are refused with what is allowed there', async (t) => {
    const { app } = await startFarm(t)
    const on = async (method: string, path: string) => {
      const { status, headers } = await httpGet(app.url + path, { method })
      return [status, headers.allow]
    }
    for (const method of ['POST', 'PUT', 'PATCH', 'OPTIONS'])
      assert.deepEqual(await on(method, '/repos/views/a/all_latest.json'), [405, 'GET, HEAD, DELETE'])
    for (const path of ['/repos/views/a/', '/repos/views/', '/repos/yum/all_latest.json', '/%zz', '/..'])
      assert.deepEqual(await on('DELETE', path), [405, 'GET, HEAD'], path)
    // The API's way to end one is a write, which needs a token.
    assert.deepEqual(await on('DELETE', '/api/v1/views/a'), [403, undefined])
    assert.deepEqual(await on('DELETE', '/repos/views/-/all_latest.json'), [400, undefined])
    assert.equal(await app.app.store.views.count(), 0)
  })

  test('a client that goes away before its answer leaves a whole view', async (t) => {
    const { app, publish } = await startFarm(t)
    const expected = await body(`${app.url}/repos/yum/all_latest.json`)
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1')
    const head = 'GET /repos/views/job/all_latest.json HTTP/1.1\r\nHost: mirrors.example.org\r\n\r\n'
    await new Promise((resolve) => socket.write(head, resolve))
    socket.destroy()
    while ((await app.app.store.views.count()) === 0) await httpGet(`${app.url}/healthz`)
    await publish(app)
    assert.equal(await body(viewUrl(app, 'job')), expected)
  })
})

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'

import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import {
  auditLines,
  stateOf,
  CI_TOKEN,
  DASHBOARD_TOKEN,
  startWritableSite,
  type WritableSite,
  type WriteOptions,
} from './writable-site.ts'

/** A write, and what it is to have changed. */
interface Write {
  readonly method: 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly body?: (site: WritableSite) => unknown
  /** Made ready through the socket. */
  readonly prepare?: (site: WritableSite) => Promise<unknown>
  /** Cause of the generation that it begins; undefined where it begins none. */
  readonly cause?: string
  /** Checks what it did. */
  readonly check: (site: WritableSite, before: string) => Promise<void>
}

const pinA = async (site: WritableSite) =>
  await site.write('PUT', 'mirrors/a/pin', { socket: true, body: { snapshot: site.names.a[0] } })

const WRITES: readonly Write[] = [
  {
    method: 'POST',
    path: 'mirrors/a/sync',
    prepare: async ({ root }) => writeSyntheticRepository(root, { packages: [{ name: 'p', version: '3' }] }),
    cause: 'sync',
    check: async (site, before) => {
      assert.equal(site.text(), before)
      assert.notEqual(await site.latest('a'), site.names.a[1])
    },
  },
  {
    method: 'PUT',
    path: 'mirrors/a/pin',
    body: (site) => ({ snapshot: site.names.a[0], why: 'p 2 eats\n disks' }),
    cause: 'pin',
    check: async (site, before) => {
      assert.equal(await site.latest('a'), site.names.a[0])
      const line = `    retries: 0\n    pin: ${site.names.a[0]}  # p 2 eats disks\n`
      assert.equal(site.text(), before.replace('    retries: 0\n', line))
      const mirror = (await (await fetch(`${site.url}/api/v1/mirrors/a`)).json()) as Record<string, unknown>
      assert.deepEqual([mirror['pinned'], mirror['pin_why']], [true, 'p 2 eats disks'])
    },
  },
  {
    method: 'DELETE',
    path: 'mirrors/a/pin',
    prepare: pinA,
    cause: 'unpin',
    check: async (site, before) => {
      assert.equal(await site.latest('a'), site.names.a[1])
      assert.equal(site.text(), before.replace(/ {4}pin: .*\n/, ''))
    },
  },
  {
    method: 'POST',
    path: 'mirrors/a/rollback',
    body: () => ({ why: 'broken' }),
    cause: 'rollback',
    check: async (site) => {
      assert.equal(await site.latest('a'), site.names.a[0])
      assert.match(site.text(), / {4}pin: 2026-\S+ {2}# broken\n/)
    },
  },
  {
    method: 'POST',
    path: 'rollback',
    body: () => ({ generation: 2 }),
    cause: 'rollback',
    check: async (site) => {
      assert.deepEqual([await site.latest('a'), await site.latest('b')], [site.names.a[0], site.names.b[0]])
      assert.equal(site.text().match(/pin: .* # generation 2/g)?.length, 2)
    },
  },
  {
    method: 'DELETE',
    path: 'mirrors/a',
    cause: 'remove',
    check: async (site, before) => {
      assert.equal(await site.latest('a'), undefined)
      assert.equal(site.text(), before.replace(/ {2}# the first\n(.*\n){3}/, ''))
      const old = await fetch(`${site.url}/repos/yum/a/${site.names.a[0]}/Packages/p/p-1-1.noarch.rpm`)
      assert.equal(old.status, 200, 'direct URLs answer, what nobody fetched included')
      await old.arrayBuffer()
    },
  },
  {
    method: 'POST',
    path: 'reload',
    prepare: async (site) =>
      writeFileSync(site.file, site.text().replace('retries: 0 }', `retries: 0, pin: ${site.names.b[0]} }`)),
    cause: 'pin',
    check: async (site) => assert.equal(await site.latest('b'), site.names.b[0]),
  },
]

/** Who writes: how, and the name that the history gets to know. */
const WRITERS: readonly (readonly [who: string, options: WriteOptions, actor: string])[] = [
  ['the socket', { socket: true, headers: { 'X-Pinyon-User': 'alice' } }, 'socket user alice'],
  ['a token', { token: CI_TOKEN, headers: { 'X-Pinyon-User': 'mallory' } }, 'token ci'],
  [
    'another token, in other words',
    { headers: { authorization: `bearer  ${DASHBOARD_TOKEN} ` } },
    'token dashboard',
  ],
]

/** Who must not write, and the status that tells so. */
const STRANGERS: readonly (readonly [who: string, path: (path: string) => string, options: WriteOptions])[] =
  [
    ['no token', (path) => path, {}],
    ['a wrong token', (path) => path, { token: `${CI_TOKEN}x` }],
    ['part of a token', (path) => path, { token: CI_TOKEN.slice(0, -1) }],
    ['an empty token', (path) => path, { headers: { authorization: 'Bearer ' } }],
    ['another scheme', (path) => path, { headers: { authorization: `Basic ${CI_TOKEN}` } }],
    ['two tokens', (path) => path, { token: `${CI_TOKEN} ${DASHBOARD_TOKEN}` }],
    ['a name for a token', (path) => path, { token: 'ci' }],
    ["the socket's header", (path) => path, { headers: { 'X-Pinyon-User': 'root' } }],
    ['a token in the query', (path) => `${path}?access_token=${CI_TOKEN}&token=${CI_TOKEN}`, {}],
    ['a token in a cookie', (path) => path, { headers: { cookie: `token=${CI_TOKEN}` } }],
  ]

/** Neither a token nor a part of one. */
function assertNoSecrets(site: WritableSite, ...more: readonly string[]): void {
  assert.doesNotMatch([JSON.stringify(site.log.lines), ...more].join('\n'), /ci-0123|dashboard-0123/)
}

for (const { method, path, body, prepare, cause, check } of WRITES)
  describe(`${method} ${path}`, () => {
    for (const [who, options, actor] of WRITERS)
      test(`by ${who} does what it says, by name`, async (t) => {
        const site = await startWritableSite(t)
        await prepare?.(site)
        const [before, count] = [site.text(), (await site.generations()).length]
        site.log.lines.length = 0
        const reply = await site.write(method, path, { ...options, body: body?.(site) })
        assert.equal(reply.status, 200, reply.body)
        await check(site, before)
        const added = (await site.generations()).slice(count)
        const by = path === 'reload' ? 'configuration file' : actor
        assert.deepEqual(
          added.map((one) => [one.cause, one.by]),
          [[cause, by]],
        )
        // In the file the words stand on one line.
        const told = (body?.(site) as { why?: string } | undefined)?.why?.replace(/\s+/g, ' ')
        if (path !== 'reload' && path !== 'rollback') assert.equal(added[0]?.why, told ?? null)
        const [line, ...others] = auditLines(site)
        assert.deepEqual(others, [])
        const { why } = (body?.(site) ?? {}) as { why?: string }
        const said = why === undefined ? {} : { why }
        const expected = { actor, method, path: `/api/v1/${path}`, status: 200, level: 'info', ...said }
        assert.deepEqual({ ...line, ...expected }, line)
        assertNoSecrets(site, reply.body)
        assert.equal(
          Object.keys(reply.headers).some((name) => name.startsWith('access-control')),
          false,
        )
      })

    test('by nobody in particular changes nothing, and is noted', async (t) => {
      const site = await startWritableSite(t)
      await prepare?.(site)
      const before = await stateOf(site)
      for (const [who, target, options] of STRANGERS) {
        site.log.lines.length = 0
        const reply = await site.write(method, target(path), { ...options, body: body?.(site) })
        assert.equal(reply.status, 401, who)
        assert.match(String(reply.headers['www-authenticate']), /^Bearer realm="pinyon"/)
        assert.equal(reply.headers['content-type'], 'application/problem+json')
        assert.deepEqual([reply.json['title'], reply.json['status']], ['UNAUTHORIZED', 401])
        const [line, ...others] = auditLines(site)
        assert.deepEqual(others, [])
        const expected = { actor: 'denied', method, path: `/api/v1/${path}`, status: 401, level: 'warn' }
        assert.deepEqual({ ...line, ...expected }, line, who)
        assertNoSecrets(site, reply.body, JSON.stringify(reply.headers))
      }
      assert.deepEqual(await stateOf(site), before)
    })

    test('changes nothing where no tokens are configured', async (t) => {
      const site = await startWritableSite(t, { tokens: false })
      await prepare?.(site)
      const before = await stateOf(site)
      site.log.lines.length = 0
      for (const options of [{}, { token: CI_TOKEN }]) {
        const reply = await site.write(method, path, { ...options, body: body?.(site) })
        assert.equal(reply.status, 403)
        assert.match(String(reply.json['detail']), /no tokens: \{ NAME: \{ file: PATH \} \}/)
      }
      assert.deepEqual(await stateOf(site), before)
      assert.deepEqual(
        auditLines(site).map(({ actor, status }) => [actor, status]),
        [
          ['denied', 403],
          ['denied', 403],
        ],
      )
    })
  })

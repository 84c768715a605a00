import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { publishFile } from '../../src/system/publish.ts'
import { loseAttributes } from '../support/losing-copies.ts'
import {
  auditLines,
  CI_TOKEN,
  DASHBOARD_TOKEN,
  startWritableSite,
  stateOf,
  type WritableSite,
} from './writable-site.ts'

const PIN = 'mirrors/a/pin'
const OLD = '1999-01-01-00-00'

/** Writes that are refused for what is in them. */
const HOSTILE: readonly (readonly [
  method: string,
  path: string,
  body: unknown,
  status: number,
  detail: RegExp,
])[] = [
  ['PUT', PIN, '', 400, /snapshot: expected a snapshot's name .*, found: nothing/],
  ['PUT', PIN, '{', 400, /not JSON/],
  ['PUT', PIN, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400, /not JSON in UTF-8/],
  ['PUT', PIN, [], 400, /expected an object, found: \[\]/],
  ['PUT', PIN, 'null', 400, /expected an object, found: null/],
  ['PUT', PIN, `"${OLD}"`, 400, /expected an object/],
  ['PUT', PIN, { snapshot: 7 }, 400, /snapshot: .*found: 7/],
  ['PUT', PIN, { snapshot: '../../etc' }, 400, /snapshot: .*found: "\.\.\/\.\.\/etc"/],
  ['PUT', PIN, { snapshot: '2026-02-31-00-00' }, 400, /snapshot: /],
  ['PUT', PIN, { snapshot: OLD }, 409, /a has no snapshot 1999-01-01-00-00: the nearest are 2026-/],
  ['PUT', PIN, { snapshot: OLD, way: 'x' }, 400, /an unknown key, "way"; expected: snapshot, why/],
  ['PUT', PIN, { snapshot: OLD, why: { a: 1 } }, 400, /why: expected a string, found: \{"a":1\}/],
  ['PUT', PIN, `{"snapshot": "${OLD}", "__proto__": {"why": "x"}}`, 400, /unknown key, "__proto__"/],
  ['PUT', PIN, '{"constructor": 1}', 400, /unknown key, "constructor"/],
  ['PUT', PIN, { ['x'.repeat(9_000)]: 1 }, 400, /unknown key, "x{79}…/],
  ['PUT', PIN, '['.repeat(60_000), 400, /not JSON/],
  ['PUT', PIN, ' '.repeat(65_537), 413, /at most 65536 bytes/],
  ['PUT', 'mirrors/c/pin', { snapshot: OLD }, 404, /no such mirror, there [^:]*: c/],
  ['DELETE', PIN, { force: true }, 400, /unknown key, "force"; expected: dry_run/],
  ['DELETE', 'mirrors/c/pin', undefined, 404, /no such mirror/],
  ['DELETE', 'mirrors/constructor/pin', undefined, 404, /no such mirror/],
  ['POST', 'mirrors/c/sync', undefined, 404, /no such mirror/],
  ['POST', 'mirrors/a/sync', { why: 1 }, 400, /unknown key/],
  ['POST', 'mirrors/c/rollback', {}, 404, /no such mirror/],
  ['POST', 'mirrors/a/rollback', { why: null }, 400, /why: expected a string, found: null/],
  ['DELETE', 'mirrors/c', undefined, 404, /no such mirror/],
  ['DELETE', 'mirrors/a?force=yes', undefined, 400, /force: expected 1 or 0, found: "yes"/],
  ['DELETE', 'mirrors/a?farce=1', undefined, 400, /unknown parameter: "farce"/],
  ['POST', 'rollback', {}, 400, /generation: expected a whole number, found: nothing/],
  ['POST', 'rollback', { generation: '2' }, 400, /generation: expected a whole number, found: "2"/],
  ['POST', 'rollback', { generation: 1.5 }, 400, /generation: expected a whole number, found: 1.5/],
  ['POST', 'rollback', { generation: 1e300 }, 400, /generation: expected a whole number/],
  ['POST', 'rollback', { generation: 99 }, 404, /there is no generation: 99/],
  ['POST', 'rollback', { generation: 2, dry_run: 1 }, 400, /dry_run: expected true or false, found: 1/],
  ['POST', 'reload', { cause: 'sync' }, 400, /cause: expected one of pin, unpin, .*, found: "sync"/],
]

describe('a write', () => {
  test('that makes no sense is refused with key and value, and changes nothing', async (t) => {
    const site = await startWritableSite(t)
    const before = await stateOf(site)
    for (const [method, path, body, status, detail] of HOSTILE)
      for (const options of [{ socket: true }, { token: CI_TOKEN }]) {
        const reply = await site.write(method, path, { ...options, body })
        assert.equal(reply.status, status, `${method} ${path}: ${reply.body}`)
        assert.equal(reply.headers['content-type'], 'application/problem+json')
        assert.match(String(reply.json['detail']), detail)
      }
    assert.deepEqual(await stateOf(site), before)
    const audited = auditLines(site).map(({ status }) => status)
    assert.deepEqual(
      audited,
      HOSTILE.flatMap(([, , , status]) => [status, status]),
    )
  })

  test('to a path that is none is refused', async (t) => {
    const site = await startWritableSite(t)
    for (const path of ['mirrors/a%2f', 'mirrors/../mirrors/a', 'mirrors/%00'])
      assert.equal((await site.write('DELETE', path, { token: CI_TOKEN })).status, 400, path)
  })

  test('with a larger body than is taken is answered, and its connection ends', async (t) => {
    const site = await startWritableSite(t)
    const reply = await site.write('PUT', PIN, { token: CI_TOKEN, body: 'x'.repeat(65_537) })
    assert.deepEqual([reply.status, reply.headers.connection], [413, 'close'])
  })

  test('of another method is refused with those that the path has', async (t) => {
    const site = await startWritableSite(t)
    for (const [method, path, allow] of [
      ['GET', 'reload', 'POST'],
      ['GET', 'mirrors/a/rollback', 'POST'],
      ['HEAD', 'mirrors/a/sync', 'POST'],
      ['POST', PIN, 'GET, HEAD, PUT, DELETE'],
      ['OPTIONS', PIN, 'GET, HEAD, PUT, DELETE'],
      ['PATCH', 'mirrors/a', 'GET, HEAD, DELETE'],
      ['PUT', 'mirrors', 'GET, HEAD'],
      ['DELETE', 'generations/1', 'GET, HEAD'],
    ] as const) {
      const reply = await site.write(method, path, { token: CI_TOKEN })
      assert.deepEqual([reply.status, reply.headers.allow], [405, allow], `${method} ${path}`)
    }
  })

  test('is done whatever conditions for reading it carries', async (t) => {
    const site = await startWritableSite(t)
    const body = { snapshot: site.names.a[0] }
    const headers = { 'If-None-Match': '*' }
    assert.equal((await site.write('PUT', PIN, { socket: true, body, headers })).status, 200)
  })

  test('that changes nothing says so, and begins no generation', async (t) => {
    const site = await startWritableSite(t)
    const pin = { socket: true, body: { snapshot: site.names.a[0] } }
    assert.equal((await site.write('PUT', PIN, pin)).json['changed'], true)
    const before = await stateOf(site)
    assert.equal((await site.write('PUT', PIN, pin)).json['changed'], false)
    assert.equal((await site.write('DELETE', 'mirrors/b/pin', { socket: true })).json['changed'], false)
    const none = await site.write('POST', 'mirrors/a/rollback', { socket: true })
    assert.deepEqual([none.status, none.json['title']], [409, 'NOTHING_TO_DO'])
    const dry = await site.write('POST', 'rollback', { socket: true, body: { generation: 1, dry_run: true } })
    assert.deepEqual(dry.json['pins'], { a: site.names.a[0] })
    const check = await site.write('DELETE', 'mirrors/a?dry_run=1', { socket: true })
    assert.deepEqual([check.status, check.json['removed']], [200, false])
    assert.deepEqual(await stateOf(site), before)
  })

  test('by a user with a strange name is by one that can be printed', async (t) => {
    const site = await startWritableSite(t)
    const headers = { 'X-Pinyon-User': `b\u00f6se\u009b[31m${'x'.repeat(500)}` }
    await site.write('PUT', PIN, { socket: true, headers, body: { snapshot: site.names.a[0] } })
    const { by } = (await site.generations()).at(-1) ?? {}
    assert.match(by ?? '', /^socket user b\?se\?\[31mx+$/)
    assert.ok((by ?? '').length <= 80)
  })
})

test('tokens that were changed or taken away count from the next reload on', async (t) => {
  const site = await startWritableSite(t)
  const ask = async (token: string) => (await site.write('DELETE', 'mirrors/b/pin', { token })).status
  assert.deepEqual([await ask(CI_TOKEN), await ask(DASHBOARD_TOKEN)], [200, 200])
  writeFileSync(join(dirname(site.file), 'ci-token'), 'another-token-of-ci')
  assert.equal(await ask('another-token-of-ci'), 401, 'not before a reload')
  await site.app.reload()
  assert.deepEqual([await ask(CI_TOKEN), await ask('another-token-of-ci')], [401, 200])
  writeFileSync(site.file, site.text().replace(/ {2}ci: .*\n/, ''))
  await site.app.reload()
  assert.deepEqual([await ask('another-token-of-ci'), await ask(DASHBOARD_TOKEN)], [401, 200])
  writeFileSync(join(dirname(site.file), 'dashboard-token'), 'short')
  await assert.rejects(site.app.reload(), /tokens\.dashboard\.file/)
  assert.equal(await ask(DASHBOARD_TOKEN), 409, 'a refused configuration leaves the running tokens')
})

/** A site whose configuration file cannot be replaced. */
async function startReadonlySite(t: TestContext, code: string): Promise<WritableSite> {
  const publishConfig = () => Promise.reject(Object.assign(new Error(`${code}: no`), { code }))
  return await startWritableSite(t, { app: { publishConfig } })
}

describe('a configuration file', () => {
  for (const code of ['EROFS', 'EACCES', 'EPERM', 'EBUSY'])
    test(`that may not be written is told as such: ${code}`, async (t) => {
      const site = await startReadonlySite(t, code)
      const before = await stateOf(site)
      for (const [method, path, body] of [
        ['PUT', PIN, { snapshot: site.names.a[0] }],
        ['POST', 'mirrors/a/rollback', {}],
        ['POST', 'rollback', { generation: 2 }],
        ['DELETE', 'mirrors/a', {}],
      ] as const) {
        const reply = await site.write(method, path, { socket: true, body })
        assert.deepEqual([reply.status, reply.json['title']], [409, 'CONFIG_READONLY'], path)
        const reason = `may not change its configuration file ${site.file}: ${code}`
        assert.match(String(reply.json['detail']), new RegExp(reason))
      }
      assert.deepEqual(await stateOf(site), before)
    })

  test('whose attributes this server cannot keep is left to others, and told as such', async (t) => {
    const site = await startWritableSite(t)
    const before = await stateOf(site)
    const said = loseAttributes(t)
    const reply = await site.write('PUT', PIN, { socket: true, body: { snapshot: site.names.a[0] } })
    assert.deepEqual([reply.status, reply.json['title']], [409, 'CONFIG_READONLY'])
    assert.ok(String(reply.json['detail']).endsWith(`${site.file}: copying ${site.file}: ${said}`))
    assert.deepEqual(await stateOf(site), before)
  })

  test('with other trouble is our failure', async (t) => {
    const site = await startReadonlySite(t, 'EIO')
    const reply = await site.write('POST', 'mirrors/a/rollback', { socket: true })
    assert.deepEqual([reply.status, reply.json['title']], [500, 'STORE_FAILED'])
  })

  test('that is refused as it is stays so, and is told with its line', async (t) => {
    const site = await startWritableSite(t)
    const good = site.text()
    writeFileSync(site.file, `colour: red\n${good}`)
    const reply = await site.write('POST', 'mirrors/a/rollback', { token: CI_TOKEN })
    assert.deepEqual([reply.status, reply.json['title']], [409, 'CONFIG_INVALID'])
    assert.match(String(reply.json['detail']), /pinyon\.yaml:1: colour: found an unknown key/)
    assert.equal(site.text(), `colour: red\n${good}`)
    assert.equal(await site.latest('a'), site.names.a[1])
  })

  test('that is refused after the edit is put back as it was', async (t) => {
    // A token vanishes in the moment between the edit and the reading of it, and is there again afterwards.
    const tokens = ['', CI_TOKEN]
    const publishConfig = async (temporary: string, target: string) => {
      await publishFile(temporary, target)
      writeFileSync(join(dirname(target), 'ci-token'), tokens.shift() ?? '')
    }
    const site = await startWritableSite(t, { app: { publishConfig } })
    const before = await stateOf(site)
    const reply = await site.write('POST', 'mirrors/a/rollback', { socket: true })
    assert.deepEqual([reply.status, reply.json['title']], [409, 'CONFIG_INVALID'])
    assert.deepEqual(await stateOf(site), before)
    const state: unknown = await (await fetch(`${site.url}/api/v1/configuration`)).json()
    assert.deepEqual(state, { ok: true, error: null })
  })
})

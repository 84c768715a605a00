import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { assert as assertProperty, property, string } from 'fast-check'

import { REQUEST_ID, RequestIds } from '../../src/http/request-id.ts'
import { startFastServer } from './fast/fast-server.ts'
import { startSite } from './site.ts'

describe('an id of a request', () => {
  test('comes back with every answer, errors and hits included, and is in the line of the log', async (t) => {
    const site = await startSite(t)
    const { base, log } = site
    const targets = [`${base}repodata/repomd.xml`, '/api/v1/mirrors', '/api/v1/none', '/', '/repos/yum/none/']
    for (const [at, target] of targets.entries()) {
      const id = `4bf92f35-77b3:4da6/a${at}=`
      const reply = await (await site.connect()).get(target, { headers: [`X-Request-ID: ${id}`] })
      assert.equal(reply.header('x-request-id'), id, target)
      const lines = await log.waitFor('request', at + 1)
      assert.equal(lines.at(-1)?.['id'], id, target)
    }
  })

  test('is made where none comes, or none that can be used, and is another one each time', async (t) => {
    const site = await startSite(t)
    const given = [[], ['X-Request-Id: a b'], [`X-Request-Id: ${'a'.repeat(129)}`], ['X-Request-Id: "a"']]
    const seen = new Set<unknown>()
    for (const headers of given)
      seen.add((await (await site.connect()).get('/healthz', { headers })).header('x-request-id'))
    assert.equal(seen.size, given.length)
    assert.deepEqual(new Set((await site.log.waitFor('request', given.length)).map(({ id }) => id)), seen)
  })

  test('is in problem documents', async (t) => {
    const site = await startSite(t)
    const reply = await (await site.connect()).get('/api/v1/none')
    const problem = JSON.parse(reply.body.toString()) as Record<string, unknown>
    assert.deepEqual([problem['title'], problem['request_id']], ['NOT_FOUND', reply.header('x-request-id')])
  })

  test('of a hit that is answered without node:http is its own', async (t) => {
    const { connect, log, handled } = await startFastServer(t, [['/a', 5_000]])
    const connection = await connect()
    const first = await connection.get('/a')
    const second = await connection.get('/a')
    const third = await connection.get('/a', { headers: ['x-request-id: mine'] })
    const ids = [first, second, third].map((reply) => reply.header('x-request-id'))
    assert.deepEqual([new Set(ids).size, ids[2], handled], [3, 'mine', []])
    assert.deepEqual(
      (await log.waitFor('request', 3)).map(({ id }) => id),
      ids,
    )
  })
})

test('whatever is taken as an id can stand in a header and in a line of the log', () => {
  assertProperty(
    property(string({ maxLength: 200 }), (text) => {
      const id = new RequestIds().accept(text)
      assert.match(id, REQUEST_ID)
      assert.equal(JSON.stringify(id), `"${id}"`)
      assert.match(id, /^[\x21-\x7e]{1,128}$/)
    }),
  )
})

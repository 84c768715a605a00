import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { turnsUntil, WireSocket } from '../../fuzz/wire-socket.ts'
import { writeSyntheticRepository } from '../../support/synthetic-repository.ts'
import { startSite } from '../site.ts'
import { dateless, formatRequest, startFastServer } from './fast-server.ts'

const TARGET = '/missing?token=secret'

describe('what is known not to be there', () => {
  for (const method of ['GET', 'HEAD'] as const)
    test(`is told and logged as by node:http, without it: ${method}`, async (t) => {
      const { connect, handled, switchOn, log } = await startFastServer(t, [['/a', 5_000]])
      const options = { method, headers: ['User-Agent: libdnf "42"', 'X-Request-Id: mine-1'] }
      const fast = await (await connect()).get(TARGET, options)
      assert.deepEqual([fast.status, handled], [404, []])
      switchOn(false)
      const slow = await (await connect()).get(TARGET, options)
      assert.deepEqual(handled, [TARGET])
      assert.deepEqual([fast.statusLine, ...dateless(fast.lines)], [slow.statusLine, ...dateless(slow.lines)])
      assert.equal(fast.body.toString(), slow.body.toString())
      const [one, other] = await log.waitFor('request', 2)
      assert.deepEqual(Object.keys(one ?? {}), Object.keys(other ?? {}))
      const own = { ms: 0, first_ms: 0, time: 0 }
      assert.deepEqual({ ...one, ...own }, { ...other, ...own })
      assert.deepEqual([one?.['target'], one?.['id']], ['/missing?token=***', 'mine-1'])
    })

  test('is told again and again on one connection, between files', async (t) => {
    const { connect, handled, log } = await startFastServer(t, [['/a', 5_000]])
    const connection = await connect()
    for (let times = 0; times < 3; times += 1) {
      assert.equal((await connection.get('/missing')).body.toString(), 'there is nothing at: /missing\n')
      assert.equal((await connection.get('/a')).body.length, 5_000)
    }
    assert.deepEqual(handled, [])
    const ids = (await log.waitFor('request', 6)).map(({ id, status }) => [typeof id, status])
    assert.deepEqual(
      ids,
      Array.from({ length: 6 }, (_, at) => ['string', at % 2 === 0 ? 404 : 200]),
    )
  })

  test('is told before what comes behind it meanwhile, and not at all when its client has gone', async (t) => {
    const { server, handled } = await startFastServer(t, [['/a', 20_000]])
    const [stays, goes] = [new WireSocket(), new WireSocket()]
    for (const socket of [stays, goes]) {
      server.serve(socket)
      t.after(() => socket.destroy())
      socket.push(Buffer.from(formatRequest('/missing')))
    }
    await new Promise<void>((resolve) => process.nextTick(resolve))
    stays.push(Buffer.from(formatRequest('/a')))
    goes.destroy()
    await turnsUntil(() => stays.sent.length > 1)
    const statuses = [...stays.wire().matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status)
    assert.deepEqual([statuses, goes.sent.length, handled], [['404', '200'], 0, []])
  })
})

test('what is not there is, as soon as it is published', async (t) => {
  const packages = [{ name: 'a', href: 'a.rpm', content: 10 }]
  const site = await startSite(t, { packages })
  const connection = await site.connect()
  const get = async (path: string) => {
    const { status, body } = await connection.get(`/repos/yum/${path}`)
    return [status, status === 200 ? body.length : body.toString()]
  }
  for (let times = 0; times < 2; times += 1) {
    assert.deepEqual(await get('m/latest/b.rpm'), [
      404,
      'snapshot 2016-12-13-13-30 of m does not list: b.rpm\n',
    ])
    assert.equal((await get('other/latest/b.rpm'))[0], 404)
    assert.match(String((await get('m/2016-12-13-13-31/b.rpm'))[1]), /the nearest are 2016-12-13-13-30/)
  }
  writeSyntheticRepository(site.root, { packages: [...packages, { name: 'b', href: 'b.rpm', content: 20 }] })
  assert.equal((await site.app.sync('m')).outcome, 'published')
  assert.deepEqual(await get('m/latest/b.rpm'), [200, 20])
  assert.deepEqual(await get('m/2016-12-13-13-31/b.rpm'), [200, 20])
})

test('a mirror that has nothing yet is not taken for one that is not there', async (t) => {
  const site = await startSite(t, { others: ['young'] })
  const connection = await site.connect()
  for (let times = 0; times < 2; times += 1) {
    const reply = await connection.get('/repos/yum/young/latest/b.rpm')
    assert.deepEqual([reply.status, reply.header('retry-after') !== undefined], [503, true])
    assert.equal((await connection.get('/repos/yum/yuong/latest/b.rpm')).status, 404)
  }
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { HOLD_BACK_BYTES } from '../../src/http/body-chunks.ts'
import { gate } from '../support/gate.ts'
import { httpGet } from '../support/http-get.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { readMultipart } from './multipart.ts'
import { startSite } from './site.ts'

const LARGE = seededBytes('cold', 500_000)
const PACKAGES = [
  { name: 'large', href: 'Packages/large.rpm', content: LARGE },
  { name: 'empty', href: 'Packages/empty.rpm', content: Buffer.alloc(0) },
]

describe('a cold package', () => {
  test('reaches the client as it comes, and its end once it is known to be right', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const rest = gate()
    site.upstream.rules = [{ match: '.rpm', stall: { afterBytes: 400_000, until: rest } }]
    const connection = await site.connect()
    connection.ask(`${site.base}Packages/large.rpm`)
    // All that has come is sent on: nothing of it is near the end.
    await connection.received(400_000)
    rest.open()
    const reply = await connection.reply()
    assert.deepEqual([reply.status, reply.header('x-cache'), reply.body], [200, 'fill', LARGE])
  })

  test('is fetched once for all who ask while it comes', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const begin = gate()
    site.upstream.rules = [{ match: '.rpm', hold: begin }]
    const clients = await Promise.all(Array.from({ length: 10 }, () => site.connect()))
    for (const client of clients) client.ask(`${site.base}Packages/large.rpm`)
    await site.upstream.waitFor('.rpm')
    begin.open()
    const replies = await Promise.all(clients.map((client) => client.reply()))
    for (const { body } of replies) assert.deepEqual(body, LARGE)
    const outcomes = replies.map((reply) => reply.header('x-cache'))
    assert.equal(outcomes.filter((outcome) => outcome === 'fill').length, 1)
    // One that is read late may find it stored.
    for (const outcome of outcomes) assert.match(outcome ?? '', /^(?:fill|join|hit)$/)
    assert.equal(site.upstream.count(), 1)
  })

  test('that hangs at one mirror comes from another that lists it, for all who ask', async (t) => {
    const site = await startSite(t, { packages: PACKAGES, others: ['other'], mirror: { timeoutMs: 600_000 } })
    const synced = await site.app.sync('other')
    assert.equal(synced.outcome, 'published')
    const never = gate()
    t.after(() => never.open())
    site.upstream.rules = [{ match: '.rpm', hold: never, times: 1 }]
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const [stuck, joining] = [await site.connect(), await site.connect()]
    stuck.ask(`${site.base}Packages/large.rpm`)
    await site.upstream.waitFor('.rpm')
    t.mock.timers.tick(5_000)
    joining.ask(`/repos/yum/other/latest/Packages/large.rpm`)
    for (const connection of [stuck, joining]) {
      const reply = await connection.reply()
      assert.deepEqual([reply.status, reply.body], [200, LARGE])
    }
    assert.equal(site.upstream.count('.rpm'), 2)
  })

  test('waits for no more bytes than a range has, but its end for the verdict', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const rest = gate()
    site.upstream.rules = [{ match: '.rpm', stall: { afterBytes: 200_000, until: rest } }]
    const connection = await site.connect()
    connection.ask(`${site.base}Packages/large.rpm`, { headers: ['Range: bytes=50000-149999'] })
    await connection.received(100_000 - HOLD_BACK_BYTES)
    assert.ok(connection.unread < 100_000)
    const short = await site.connect()
    short.ask(`${site.base}Packages/large.rpm`, { headers: ['Range: bytes=0-99'] })
    rest.open()
    const reply = await connection.reply()
    assert.deepEqual([reply.status, reply.header('content-range')], [206, 'bytes 50000-149999/500000'])
    assert.deepEqual(reply.body, LARGE.subarray(50_000, 150_000))
    assert.deepEqual((await short.reply()).body, LARGE.subarray(0, 100))
  })

  test('gives many ranges of what is still coming', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const connection = await site.connect()
    const header = 'Range: bytes=450000-459999,0-99,200000-299999,-10'
    const reply = await connection.get(`${site.base}Packages/large.rpm`, { headers: [header] })
    const parts = readMultipart(reply.header('content-type') ?? '', reply.body)
    assert.deepEqual(
      parts.map(({ start, end }) => [start, end]),
      [
        [450_000, 459_999],
        [0, 99],
        [200_000, 299_999],
        [499_990, 499_999],
      ],
    )
    for (const { start, end, bytes } of parts) assert.deepEqual(bytes, LARGE.subarray(start, end + 1))
  })

  test('that is empty is right as well before it is said to be there', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    site.upstream.rules = [{ match: 'empty.rpm', times: 1, status: 404 }]
    assert.equal((await httpGet(`${site.url}${site.base}Packages/empty.rpm`)).status, 502)
    const { status, body, headers } = await httpGet(`${site.url}${site.base}Packages/empty.rpm`)
    assert.deepEqual(
      [status, body.length, headers['content-length'], headers['x-cache']],
      [200, 0, '0', 'fill'],
    )
  })

  test('goes on when the client that began it has left, and is there for the next', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const rest = gate()
    site.upstream.rules = [{ match: '.rpm', stall: { afterBytes: 300_000, until: rest } }]
    const connection = await site.connect()
    connection.ask(`${site.base}Packages/large.rpm`)
    await connection.received(100_000)
    connection.close()
    const [line] = (await site.log.waitFor('request')).slice(-1)
    assert.deepEqual([line?.['outcome'], line?.['client']], ['aborted', '127.0.0.1'])
    rest.open()
    await site.filled()
    const { body, headers } = await httpGet(`${site.url}${site.base}Packages/large.rpm`)
    assert.deepEqual([headers['x-cache'], body], ['hit', LARGE])
    assert.equal(site.upstream.count(), 1)
  })

  test('goes on as well when its client leaves before the first byte', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const begin = gate()
    site.upstream.rules = [{ match: '.rpm', hold: begin }]
    const connection = await site.connect()
    connection.ask(`${site.base}Packages/large.rpm`)
    await site.upstream.waitFor('.rpm')
    connection.socket.resetAndDestroy()
    await site.log.waitFor('request')
    begin.open()
    await site.filled()
    assert.equal((await httpGet(`${site.url}${site.base}Packages/large.rpm`)).headers['x-cache'], 'hit')
  })
})

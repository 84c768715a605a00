import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'

import { PinyonError } from '../../../src/model/errors.ts'
import { readComing } from '../../support/coming-file.ts'
import { gate } from '../../support/gate.ts'
import { turnsUntil, WireSocket } from '../../fuzz/wire-socket.ts'
import { dateless, formatRequest, startFastServer } from './fast-server.ts'

const COMING = '/coming'
const WRONG = '/wrong'
const REFUSED = '/refused'
const EMPTY = '/empty'
const SIZE = 400_000
/** For answers under way, of a server that ends. */
const GRACE_MS = 60_000

const FILES = [
  ['/a', 5_000],
  [COMING, SIZE],
  [WRONG, SIZE],
  [REFUSED, SIZE],
  [EMPTY, 0],
] as const
const FETCHES = {
  [COMING]: async (bytes: Buffer) => readComing({ bytes }),
  [WRONG]: async (bytes: Buffer) => readComing({ bytes, wrongAt: 100_000 }),
  [REFUSED]: async () => {
    throw new PinyonError('UPSTREAM_DOWN', 'nobody answers', { retryAfterSeconds: 7 })
  },
}

describe('a file that is not warm', () => {
  const requests: readonly (readonly [what: string, target: string, method: string, headers: string[]])[] = [
    ['all of it', COMING, 'GET', []],
    ['its head', COMING, 'HEAD', []],
    ['a part of it', COMING, 'GET', ['Range: bytes=100-200000']],
    ['no part of it', COMING, 'GET', ['Range: bytes=400000-']],
    ['that it is still the same', COMING, 'GET', ['If-Modified-Since: Tue, 13 Dec 2016 13:30:00 GMT']],
    ['all of it and no more', COMING, 'GET', ['Connection: close']],
    ['that it cannot be had', REFUSED, 'GET', []],
  ]
  for (const [what, target, method, headers] of requests)
    test(`is answered and logged as by node:http, without it: ${what}`, async (t) => {
      const { connect, handled, switchOn, log } = await startFastServer(t, FILES, {}, FETCHES)
      const options = { method, headers: ['User-Agent: libdnf', 'X-Request-Id: mine-1', ...headers] }
      const fast = await (await connect()).get(target, options)
      assert.deepEqual(handled, [])
      switchOn(false)
      const slow = await (await connect()).get(target, options)
      assert.deepEqual(handled, [target])
      assert.deepEqual([fast.statusLine, ...dateless(fast.lines)], [slow.statusLine, ...dateless(slow.lines)])
      assert.deepEqual(fast.body, slow.body)
      const [one, other] = await log.waitFor('request', 2)
      const own = { ms: 0, first_ms: 0, time: 0 }
      assert.deepEqual({ ...one, ...own }, { ...other, ...own })
      assert.equal(one?.['id'], 'mine-1')
    })

  test('is whole for a client that reads slowly, and what is asked behind it comes after it', async (t) => {
    const { server, handled, bytesOf } = await startFastServer(t, FILES, {}, FETCHES)
    const socket = new WireSocket()
    server.serve(socket)
    t.after(() => socket.destroy())
    socket.isStalled = true
    socket.push(Buffer.from(formatRequest(COMING)))
    await turnsUntil(() => socket.sent.length > 0)
    socket.push(Buffer.from(formatRequest('/a')))
    const sentWhileStalled = socket.sent.length
    await turnsUntil(() => socket.isPaused())
    assert.equal(socket.sent.length, sentWhileStalled)
    socket.goOn()
    await turnsUntil(() => socket.wire().length > SIZE + 5_000)
    const parts = Buffer.concat(socket.sent).toString('latin1').split('HTTP/1.1 200 OK\r\n')
    const bodies = parts.slice(1).map((part) => part.slice(part.indexOf('\r\n\r\n') + 4))
    assert.deepEqual(
      bodies,
      [COMING, '/a'].map((target) => bytesOf(target).toString('latin1')),
    )
    assert.deepEqual(handled, [])
  })

  test('that turns out wrong breaks the connection, and is told of once', async (t) => {
    const { connect, handled, log } = await startFastServer(t, FILES, {}, FETCHES)
    const connection = await connect()
    connection.ask(WRONG)
    await once(connection.socket, 'close')
    assert.ok(connection.unread < SIZE)
    const lines = await log.waitFor('request', 1)
    const told = lines.map(({ outcome, status, code }) => [outcome, status, code])
    assert.deepEqual([told, handled], [[['error_digest', 200, 'DIGEST_MISMATCH']], []])
  })

  test('is let go of when its client goes, once it has come', async (t) => {
    const [asked, rest, released] = [gate(), gate(), gate()]
    const { connect, server, log } = await startFastServer(
      t,
      FILES,
      {},
      {
        [COMING]: async (bytes) => ({
          ...readComing({ bytes }),
          lend: async () => undefined,
          read: async (target, position) => {
            asked.open()
            await rest.opened
            return bytes.copy(target, 0, position, position + 1_000)
          },
          release: () => released.open(),
        }),
      },
    )
    const connection = await connect()
    connection.ask(COMING)
    await asked.opened
    assert.equal(server.inFlight, 1)
    connection.socket.resetAndDestroy()
    const [line] = await log.waitFor('request')
    assert.deepEqual([line?.['outcome'], line?.['bytes'], server.inFlight], ['aborted', 0, 0])
    rest.open()
    await released.opened
    assert.equal((await log.waitFor('request')).length, 1)
  })

  test('is told of with its bytes where it was stored, and ends the connection where nothing is to follow', async (t) => {
    const targets = ['/a', '/b']
    const sizes = targets.map((target) => [target, 5_000] as const)
    // There is memory for one of them, and that is the other one.
    const { connect, handled, log, bytesOf } = await startFastServer(t, sizes, { memoryBytes: 6_000 })
    for (const target of targets) {
      const connection = await connect()
      const { body } = await connection.get(target, { headers: ['Connection: close'] })
      assert.deepEqual([body, (await connection.ended()).length], [bytesOf(target), 0])
    }
    const lines = await log.waitFor('request', 2)
    assert.deepEqual([lines.map(({ bytes }) => bytes), handled], [[5_000, 5_000], []])
  })

  test('is no answer to a client that has gone without the end of it', async (t) => {
    const { server, log } = await startFastServer(t, FILES, {}, FETCHES)
    const socket = new WireSocket()
    socket.on('error', () => undefined)
    server.serve(socket)
    socket.isStalled = true
    socket.push(Buffer.from(formatRequest(COMING, 'Range: bytes=0-9')))
    await turnsUntil(() => socket.sent.length > 0)
    socket.goOn(new Error('reset'))
    const [line] = await log.waitFor('request')
    assert.deepEqual([line?.['outcome'], line?.['bytes']], ['aborted', 0])
  })

  test('is let go of when its client goes that read nothing', async (t) => {
    const released = gate()
    const fetch = async (bytes: Buffer) => ({ ...readComing({ bytes }), release: () => released.open() })
    const { server, log } = await startFastServer(t, FILES, {}, { [COMING]: fetch })
    const socket = new WireSocket()
    server.serve(socket)
    socket.isStalled = true
    socket.push(Buffer.from(formatRequest(COMING)))
    await turnsUntil(() => socket.sent.length > 0)
    socket.destroy()
    await released.opened
    assert.deepEqual(
      log.of('request').map(({ outcome }) => outcome),
      ['aborted'],
    )
  })

  test('is told of once when its client goes before it turns out to be empty', async (t) => {
    const [asked, right, released] = [gate(), gate(), gate()]
    const { connect, log } = await startFastServer(
      t,
      FILES,
      {},
      {
        [EMPTY]: async (bytes) => ({
          ...readComing({ bytes }),
          verified: async () => {
            asked.open()
            await right.opened
            return bytes.length
          },
          release: () => released.open(),
        }),
      },
    )
    const connection = await connect()
    connection.ask(EMPTY)
    await asked.opened
    connection.socket.resetAndDestroy()
    await log.waitFor('request')
    right.open()
    await released.opened
    assert.deepEqual(
      log.of('request').map(({ outcome }) => outcome),
      ['aborted'],
    )
  })

  test('is waited for by a server that ends, and its client is told that nothing follows', async (t) => {
    const [asked, rest] = [gate(), gate()]
    const { connect, server, bytesOf } = await startFastServer(
      t,
      FILES,
      {},
      {
        [COMING]: async (bytes) => {
          asked.open()
          await rest.opened
          return readComing({ bytes })
        },
      },
    )
    const connection = await connect()
    connection.ask(COMING)
    await asked.opened
    const drained = server.drain(60_000)
    rest.open()
    const reply = await connection.reply()
    assert.deepEqual([reply.header('connection'), reply.body], ['close', bytesOf(COMING)])
    await drained
  })

  for (const isOn of [true, false])
    for (const when of ['before', 'after'] as const)
      test(
        `is not waited for by a server that ends when its client seems to have gone ${when} that, ${isOn ? 'without' : 'by'} node:http`,
        { timeout: GRACE_MS / 2 },
        async (t) => {
          const [asked, rest] = [gate(), gate()]
          const { dial, connect, server, log, switchOn } = await startFastServer(
            t,
            FILES,
            {},
            {
              [COMING]: async (bytes) => {
                asked.open()
                await rest.opened
                return readComing({ bytes })
              },
            },
          )
          t.after(() => rest.open())
          switchOn(isOn)
          const socket = await dial()
          socket.write(formatRequest(COMING))
          await asked.opened
          if (when === 'before') {
            await once(socket.end(), 'finish')
            // What came before this has been read when it is answered.
            await (await connect()).get('/a')
          }
          const drained = server.drain(GRACE_MS)
          if (when === 'after') socket.end()
          await drained
          assert.deepEqual(
            log.of('request').flatMap(({ target, outcome }) => (target === COMING ? [outcome] : [])),
            ['aborted'],
          )
        },
      )

  for (const isOn of [true, false])
    test(`is told of before a server has ended that waits for it no longer, ${isOn ? 'without' : 'by'} node:http`, async (t) => {
      const [asked, rest] = [gate(), gate()]
      const { connect, server, log, switchOn } = await startFastServer(
        t,
        FILES,
        {},
        {
          [COMING]: async (bytes) => ({
            ...readComing({ bytes }),
            read: async () => {
              asked.open()
              await rest.opened
              return 0
            },
          }),
        },
      )
      t.after(() => rest.open())
      switchOn(isOn)
      const connection = await connect()
      connection.ask(COMING)
      await asked.opened
      await server.drain(0)
      assert.deepEqual(
        log.of('request').map(({ target, outcome }) => [target, outcome]),
        [[COMING, 'aborted']],
      )
    })
})

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'

import { Signal } from '../../../src/system/signal.ts'
import { loadUndici } from '../../../src/upstream/undici-parts.ts'
import { assertBytes } from '../../contract/assert-bytes.ts'
import { gate } from '../../support/gate.ts'
import { seededBytes } from '../../support/seeded-bytes.ts'
import { formatReply, startRawServer } from '../raw-server.ts'
import { openPlain, readAll, readOut, readText, turns } from './open-plain.ts'
import { StoppedClock } from './stopped-clock.ts'

const GIVEN_UP = new Error('given up')

describe('a body that ends early', () => {
  for (const [count, what] of [
    [0, 'nothing'],
    [5, 'a little'],
    [100_000, 'much'],
    [700_000, 'more than waits for its reader'],
  ] as const)
    test(`after ${what} gives what has come, and fails as undici does`, async (t) => {
      const content = seededBytes('early', count)
      const server = await startRawServer(t, (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n')
        socket.end(content)
      })
      const { get } = openPlain(t)
      const asked = get(server.url)
      const { bytes, error } = await readOut(await asked.reply)
      assertBytes(bytes, content)
      assert.ok(error instanceof loadUndici().errors.SocketError)
      assert.equal(error.message, 'other side closed')
      assert.equal(asked.ends(), 1)
    })

  test('on a connection that was used before fails, and is not asked for again', async (t) => {
    const server = await startRawServer(t, (socket, request) => {
      if (request.startsWith('GET /early')) socket.end(formatReply(200, ['Content-Length: 1000'], 'some'))
      else socket.write(formatReply(200, [], 'x'))
    })
    const { get } = openPlain(t)
    await readAll(get(server.url).reply)
    const asked = get(`${server.url}early`)
    const { bytes, error } = await readOut(await asked.reply)
    assert.equal(bytes.toString(), 'some')
    assert.equal(error?.message, 'other side closed')
    assert.equal(asked.ends(), 1)
    assert.equal(server.requests.length, 2)
    assert.equal(server.mostConnections(), 1)
  })

  test('by a reset fails with that', async (t) => {
    const reset = gate()
    const server = await startRawServer(t, (socket) => {
      socket.write(formatReply(200, ['Content-Length: 1000'], 'some'))
      void reset.opened.then(() => socket.resetAndDestroy())
    })
    const { get } = openPlain(t)
    const reply = await get(server.url).reply
    const first = await reply.body.next()
    assert.equal(String(first.value), 'some')
    reset.open()
    await assert.rejects(reply.body.next(), { code: 'ECONNRESET' })
  })
})

/** A time that is over when a test says so. */
const TIMEOUT_MS = 60_000

describe('a server that is late', () => {
  test('with its answer is given up', async (t) => {
    const clock = StoppedClock.stop(t)
    const came = gate()
    const server = await startRawServer(t, () => came.open())
    const { get } = openPlain(t)
    const asked = get(server.url, { timeoutMs: TIMEOUT_MS })
    await came.opened
    clock.pass(TIMEOUT_MS - 1)
    assert.equal(asked.ends(), 0)
    clock.pass(1)
    await assert.rejects(asked.reply, loadUndici().errors.HeadersTimeoutError)
    assert.equal(asked.ends(), 1)
    await server.waitForConnections(0)
    assert.equal(server.requests.length, 1)
  })

  for (const timeoutMs of [TIMEOUT_MS, TIMEOUT_MS / 2])
    test(`with its answer on a known connection is given up, and not asked twice, after ${timeoutMs} ms`, async (t) => {
      const clock = StoppedClock.stop(t)
      const came = gate()
      const server = await startRawServer(t, (socket, request) => {
        if (request.startsWith('GET /late')) came.open()
        else socket.write(formatReply(200, [], 'x'))
      })
      const { get } = openPlain(t)
      await readAll(get(server.url, { timeoutMs: TIMEOUT_MS }).reply)
      // It waits for a while, which is nobody's time.
      clock.pass(TIMEOUT_MS + 5)
      await readAll(get(server.url, { timeoutMs: TIMEOUT_MS }).reply)
      clock.pass(TIMEOUT_MS - 5)
      const asked = get(`${server.url}late`, { timeoutMs })
      await came.opened
      clock.pass(timeoutMs - 1)
      assert.equal(asked.ends(), 0)
      clock.pass(1)
      await assert.rejects(asked.reply, loadUndici().errors.HeadersTimeoutError)
      assert.equal(server.requests.length, 3)
      assert.equal(server.mostConnections(), 1)
    })

  test('with the rest of its body is given up, after what came', async (t) => {
    const clock = StoppedClock.stop(t)
    const server = await startRawServer(t, (socket) => {
      socket.write(formatReply(200, ['Content-Length: 1000'], 'some'))
    })
    const { get } = openPlain(t)
    const asked = get(server.url, { timeoutMs: TIMEOUT_MS })
    const reply = await asked.reply
    clock.pass(TIMEOUT_MS)
    const { bytes, error } = await readOut(reply)
    assert.equal(bytes.toString(), 'some')
    assert.ok(error instanceof loadUndici().errors.BodyTimeoutError)
    assert.equal(asked.ends(), 1)
    await server.waitForConnections(0)
  })

  test('is not who sends a little before each time is over', async (t) => {
    const clock = StoppedClock.stop(t)
    const sockets: Socket[] = []
    const server = await startRawServer(t, (socket) => {
      sockets.push(socket)
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n')
    })
    const { get } = openPlain(t)
    const { body } = await get(server.url, { timeoutMs: TIMEOUT_MS }).reply
    for (let at = 0; at < 8; at += 1) {
      clock.pass(TIMEOUT_MS - 1)
      sockets[0]?.write('x')
      assert.equal(String((await body.next()).value), 'x')
    }
    assert.equal((await body.next()).done, true)
  })

  test('is not whoever waits for a slow reader', async (t) => {
    const clock = StoppedClock.stop(t)
    const content = seededBytes('slowly', 3 << 20)
    const server = await startRawServer(t, (socket) => {
      socket.write(formatReply(200, [`Content-Length: ${content.length}`]))
      socket.write(content)
    })
    const { get } = openPlain(t)
    const reply = await get(server.url, { timeoutMs: TIMEOUT_MS }).reply
    // It is held up by then.
    await turns(50)
    for (let at = 0; at < 5; at += 1) clock.pass(TIMEOUT_MS)
    assertBytes(await readAll(reply), content)
  })

  test('after a reader was slow has all of its time again', async (t) => {
    const clock = StoppedClock.stop(t)
    // What may wait for its reader, so that nothing comes once that goes on.
    const content = seededBytes('slowly', 512 << 10)
    const server = await startRawServer(t, (socket) => {
      socket.write(formatReply(200, ['Content-Length: 1000000']))
      socket.write(content)
    })
    const { get } = openPlain(t)
    const { body } = await get(server.url, { timeoutMs: TIMEOUT_MS }).reply
    await turns(50)
    clock.pass(TIMEOUT_MS - 1)
    for (let left = content.length; left > 0;) left -= (await body.next()).value?.length ?? 0
    const next = body.next()
    next.catch(() => undefined)
    clock.pass(TIMEOUT_MS - 1)
    await turns(5)
    assert.equal(server.connections(), 1)
    clock.pass(1)
    await assert.rejects(next, loadUndici().errors.BodyTimeoutError)
  })
})

describe('a request that is given up', () => {
  test('before it is sent asks nobody', async (t) => {
    const server = await startRawServer(t, (socket) => socket.write(formatReply(200, [], 'x')))
    const { get } = openPlain(t)
    await assert.rejects(get(server.url, { signal: AbortSignal.abort(GIVEN_UP) }).reply, GIVEN_UP)
    assert.equal(server.mostConnections(), 0)
  })

  test('while it connects fails at once, and its connection is not kept', async (t) => {
    const server = await startRawServer(t, (socket) => socket.write(formatReply(200, [], 'x')))
    const { buildConnector } = loadUndici()
    const [called, made] = [gate(), gate()]
    const connect = buildConnector({ timeout: 10_000 })
    const { get } = openPlain(t, {
      connect: (options, callback) => {
        called.open()
        void made.opened.then(() => connect(options, callback))
      },
    })
    const asked = get(server.url)
    await called.opened
    asked.abort(GIVEN_UP)
    await assert.rejects(asked.reply, GIVEN_UP)
    made.open()
    assert.equal(await readText(get(server.url).reply), 'x')
    await server.waitForConnections(1)
    assert.equal(server.requests.length, 1)
  })

  test('just as it is connected fails all the same', async (t) => {
    const server = await startRawServer(t, () => undefined)
    const { buildConnector } = loadUndici()
    const connect = buildConnector({ timeout: 10_000 })
    const { get } = openPlain(t, {
      connect: (options, callback) =>
        connect(options, (...made: Parameters<typeof callback>) => {
          callback(...made)
          asked.abort(GIVEN_UP)
        }),
    })
    const asked = get(server.url)
    await assert.rejects(asked.reply, GIVEN_UP)
    await server.waitForConnections(0)
  })

  test('while it waits for a connection asks nobody, and keeps that for others', async (t) => {
    const server = await startRawServer(t, (socket) => socket.write(formatReply(200, [], 'x')))
    const { get } = openPlain(t)
    await readAll(get(server.url).reply)
    const asked = get(server.url)
    asked.abort(GIVEN_UP)
    await assert.rejects(asked.reply, GIVEN_UP)
    assert.equal(asked.ends(), 1)
    await readAll(get(server.url).reply)
    assert.equal(server.requests.length, 2)
    assert.equal(server.mostConnections(), 1)
  })

  test('while it waits for its answer ends the connection', async (t) => {
    const came = gate()
    const server = await startRawServer(t, () => came.open())
    const { get } = openPlain(t)
    const asked = get(server.url)
    await came.opened
    asked.abort(GIVEN_UP)
    await assert.rejects(asked.reply, GIVEN_UP)
    await server.waitForConnections(0)
    assert.equal(asked.ends(), 1)
    assert.equal(server.requests.length, 1)
  })

  test('while it waits for a known connection’s answer asks for nothing again', async (t) => {
    const came = gate()
    const server = await startRawServer(t, (socket, request) => {
      if (request.startsWith('GET /held')) came.open()
      else socket.write(formatReply(200, [], 'x'))
    })
    const { get } = openPlain(t)
    await readAll(get(server.url).reply)
    const asked = get(`${server.url}held`)
    await came.opened
    asked.abort(GIVEN_UP)
    await assert.rejects(asked.reply, GIVEN_UP)
    await server.waitForConnections(0)
    assert.equal(server.requests.length, 2)
  })

  test('in its body ends the connection, after what came', async (t) => {
    const server = await startRawServer(t, (socket) => {
      socket.write(formatReply(200, ['Content-Length: 1000'], 'some'))
    })
    const { get } = openPlain(t)
    const asked = get(server.url)
    const { body } = await asked.reply
    assert.equal(String((await body.next()).value), 'some')
    asked.abort(GIVEN_UP)
    await assert.rejects(body.next(), GIVEN_UP)
    await server.waitForConnections(0)
    assert.equal(asked.ends(), 1)
  })

  test('when all was read changes nothing', async (t) => {
    const server = await startRawServer(t, (socket) => socket.write(formatReply(200, [], 'x')))
    const { get } = openPlain(t)
    const first = get(server.url)
    await readAll(first.reply)
    first.abort(GIVEN_UP)
    assert.equal(await readText(get(server.url).reply), 'x')
    assert.equal(server.mostConnections(), 1)
    assert.equal(server.connections(), 1)
    assert.equal(first.ends(), 1)
  })

  test('when all has come and nothing was read does no harm to who has its connection', async (t) => {
    const sockets = new Set<Socket>()
    const changed = new Signal()
    const server = await startRawServer(t, (socket, request) => {
      sockets.add(socket)
      if (request.startsWith('GET /other')) changed.notify()
      else socket.write(formatReply(200, [], 'x'))
    })
    const { get } = openPlain(t)
    const first = get(server.url)
    const reply = await first.reply
    await turns(2)
    const came = changed.wait()
    const other = get(`${server.url}other`)
    await came
    assert.equal(sockets.size, 1)
    first.abort(GIVEN_UP)
    for (const socket of sockets) socket.write(formatReply(200, [], 'other'))
    assert.equal(await readText(other.reply), 'other')
    assert.equal(await readText(reply), 'x')
    assert.equal(first.ends(), 1)
  })

  test('by its body’s reader ends the connection', async (t) => {
    const server = await startRawServer(t, (socket) => {
      socket.write(formatReply(200, ['Content-Length: 10000000'], 'some'))
    })
    const { get } = openPlain(t)
    const asked = get(server.url)
    const { body } = await asked.reply
    await body.return()
    assert.equal(asked.ends(), 1)
    await server.waitForConnections(0)
    assert.deepEqual(await body.next(), { done: true, value: undefined })
  })

  test('by its body’s reader, when all has come, keeps the connection', async (t) => {
    const server = await startRawServer(t, (socket) => socket.write(formatReply(200, [], 'x')))
    const { get } = openPlain(t)
    for (let round = 0; round < 5; round += 1) {
      const asked = get(server.url)
      await (await asked.reply).body.return()
      assert.equal(asked.ends(), 1)
    }
    assert.equal(server.mostConnections(), 1)
  })
})

describe('a host that cannot be connected to', () => {
  test('fails as it does with undici', async (t) => {
    const server = await startRawServer(t, () => undefined)
    const { get } = openPlain(t, {
      connect: (_, callback) => callback(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }), null),
    })
    const asked = get(server.url)
    await assert.rejects(asked.reply, { code: 'ECONNREFUSED' })
    assert.equal(asked.ends(), 1)
  })
})

import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'

import type { EndedRequest } from '../../../src/http/ended-request.ts'
import { HttpServer } from '../../../src/http/server.ts'
import { turnsUntil, WireSocket } from '../../fuzz/wire-socket.ts'
import { createMemoryContent } from '../../support/memory-content.ts'
import { LogRecorder } from '../log-recorder.ts'
import { formatRequest } from './fast-server.ts'

/** What somebody is told of one request, or of several. */
interface Told extends Pick<EndedRequest, 'target' | 'status' | 'outcome' | 'client' | 'userAgent'> {
  readonly count: number
  readonly bytes: number
  readonly firstMs: number
  readonly ms: number
}

/** A server without a socket of its own, and all that it tells of requests. */
async function serve(t: TestContext, level: string, handle = () => {}) {
  const { files, content, cache } = await createMemoryContent([
    ['/a', 5_000],
    ['/b', 300],
  ])
  const log = new LogRecorder(level)
  const told: Told[] = []
  const server = new HttpServer(() => Promise.resolve(handle()), log.logger, {
    fast: { peek: (target) => files.get(target), content, isOn: () => true },
    onEnd: ({ target, status, outcome, client, userAgent, count, bytes, startedAt, headAt, endedAt }) =>
      told.push({
        target,
        status,
        outcome,
        client,
        userAgent,
        count,
        bytes,
        firstMs: (headAt ?? Number.NaN) - startedAt,
        ms: endedAt - startedAt,
      }),
  })
  t.after(async () => {
    await server.drain(0)
    cache.close()
  })
  const ask = (...requests: readonly string[]): WireSocket[] =>
    requests.map((request) => {
      const socket = new WireSocket()
      t.after(() => socket.destroy())
      server.serve(socket)
      socket.push(Buffer.from(request))
      return socket
    })
  return { server, log, told, ask }
}

function answered(sockets: readonly WireSocket[]): boolean {
  return sockets.every(({ sent }) => sent.length > 0)
}

const [DNF, YUM] = ['User-Agent: dnf', 'User-Agent: yum']

describe('hits of which the log tells no line', () => {
  test('are counted as many as they are, those of one answer and one client together', async (t) => {
    t.mock.method(performance, 'now', () => 1_000)
    const { server, told, ask } = await serve(t, 'warn')
    const sockets = ask(
      formatRequest('/a', DNF),
      formatRequest('/a', DNF),
      formatRequest('/b', DNF),
      formatRequest('/a', DNF),
      formatRequest('/a', YUM),
      formatRequest('/a', 'Range: bytes=0-9'),
    )
    await turnsUntil(() => answered(sockets))
    assert.deepEqual(told, [])
    server.countHits()
    const same = { status: 200, outcome: 'hit', client: '127.0.0.1', firstMs: 0, ms: 0 }
    assert.deepEqual(told, [
      { ...same, target: '/a', userAgent: 'dnf', count: 3, bytes: 15_000 },
      { ...same, target: '/b', userAgent: 'dnf', count: 1, bytes: 300 },
      { ...same, target: '/a', userAgent: 'yum', count: 1, bytes: 5_000 },
      { ...same, status: 206, target: '/a', userAgent: undefined, count: 1, bytes: 10 },
    ])
    const [again = new WireSocket()] = ask(formatRequest('/a', YUM))
    await turnsUntil(() => answered([again]))
    server.countHits()
    assert.deepEqual(told[4], { ...same, target: '/a', userAgent: 'yum', count: 1, bytes: 5_000 })
  })

  test('are told of a moment later, again and again', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    t.mock.method(performance, 'now', () => 1_000)
    const { told, ask } = await serve(t, 'warn')
    for (const round of [1, 2, 3]) {
      const sockets = ask(formatRequest('/a'), formatRequest('/b'))
      await turnsUntil(() => answered(sockets))
      t.mock.timers.tick(249)
      assert.equal(told.length, 2 * round - 2)
      t.mock.timers.tick(1)
      assert.deepEqual(
        told.slice(-2).map(({ target, count }) => [target, count]),
        [
          ['/a', 1],
          ['/b', 1],
        ],
      )
    }
  })

  test('are told of before any other request is answered, so that who asks what was counted finds them', async (t) => {
    t.mock.method(performance, 'now', () => 1_000)
    const seen: number[] = []
    const { told, ask } = await serve(t, 'warn', () => void seen.push(told.length))
    const sockets = ask(formatRequest('/a'))
    await turnsUntil(() => answered(sockets))
    assert.deepEqual(told, [])
    ask('POST /a HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n')
    await turnsUntil(() => told.length > 0)
    assert.deepEqual(seen, [1])
  })

  test('are told of one by one where they took longer than most', async (t) => {
    let nowMs = 0
    t.mock.method(performance, 'now', () => (nowMs += 7))
    const { told, ask } = await serve(t, 'warn')
    const sockets = ask(formatRequest('/a'), formatRequest('/a'))
    await turnsUntil(() => answered(sockets))
    assert.deepEqual(
      told.map(({ count, firstMs, ms }) => [count, firstMs, ms]),
      [
        [1, 7, 7],
        [1, 7, 7],
      ],
    )
  })

  test('are all told of by a server that ends, before its log is closed', async (t) => {
    t.mock.method(performance, 'now', () => 1_000)
    const { server, told, ask, log } = await serve(t, 'info')
    const sockets = ask(...Array.from({ length: 600 }, () => formatRequest('/b', 'Connection: close')))
    // No turn of the event loop passes until it ends.
    for (let tick = 0; tick < 100 && !answered(sockets); tick += 1)
      await new Promise<void>((resolve) => process.nextTick(resolve))
    assert.ok(answered(sockets))
    let isOver = false
    setImmediate(() => (isOver = true))
    await server.drain(0)
    assert.equal(isOver, false)
    assert.equal(
      told.reduce((sum, { count }) => sum + count, 0),
      600,
    )
    assert.equal(
      told.reduce((sum, { bytes }) => sum + bytes, 0),
      600 * 300,
    )
    assert.equal(log.of('request').length, 500)
    assert.deepEqual(
      log.of('requests not told one by one').map(({ count, bytes }) => [count, bytes]),
      [[100, 30_000]],
    )
  })
})

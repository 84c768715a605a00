import assert from 'node:assert/strict'
import { connect, Server } from 'node:net'
import { once } from 'node:events'
import { describe, test, type TestContext } from 'node:test'

import { outcomeHeaders } from '../../src/http/exchange.ts'
import { sendText } from '../../src/http/send-text.ts'
import { HttpServer, type Handler } from '../../src/http/server.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { createTextReply } from '../../src/proxy/reply.ts'
import { gate } from '../support/gate.ts'
import { Connection } from './connection.ts'
import { LogRecorder } from './log-recorder.ts'

interface Started {
  readonly server: HttpServer
  readonly log: LogRecorder
  readonly connect: () => Promise<Connection>
}

async function start(t: TestContext, handler: Handler): Promise<Started> {
  const log = new LogRecorder()
  const server = new HttpServer(handler, log.logger)
  await server.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => server.drain(0))
  const open = async () => {
    const connection = await Connection.open(server.port)
    t.after(() => connection.close())
    return connection
  }
  return { server, log, connect: open }
}

const OK: Handler = async (exchange) => sendText(exchange, createTextReply('text/plain', 'ok\n'))

async function refused(port: number): Promise<unknown> {
  const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException]
  return error.code
}

describe('draining', () => {
  test('lets a running answer finish, closes idle connections, accepts none', async (t) => {
    const rest = gate()
    const { server, connect } = await start(t, async (exchange) => {
      if (exchange.request.url !== '/slow') return await OK(exchange)
      exchange.response.writeHead(200, { 'Content-Length': '10', ...outcomeHeaders(exchange, 'hit') })
      exchange.response.write('12345')
      await rest.opened
      exchange.response.end('67890')
    })
    const idle = await connect()
    await idle.get('/')
    const busy = await connect()
    busy.ask('/slow')
    await busy.received(5)
    const { port } = server
    const drained = server.drain(60_000)
    assert.equal((await idle.ended()).length, 0)
    assert.equal(await refused(port), 'ECONNREFUSED')
    rest.open()
    assert.equal((await busy.reply()).body.toString(), '1234567890')
    await drained
    assert.equal((await busy.ended()).length, 0)
  })

  test('tells clients not to use their connections again', async (t) => {
    const [begin, arrived] = [gate(), gate()]
    const { server, connect } = await start(t, async (exchange) => {
      arrived.open()
      await begin.opened
      await OK(exchange)
    })
    const connection = await connect()
    connection.ask('/')
    await arrived.opened
    const drained = server.drain(60_000)
    begin.open()
    assert.equal((await connection.reply()).header('connection'), 'close')
    await connection.ended()
    await drained
  })

  test('ends what is not finished in time', async (t) => {
    const never = gate()
    const { server, connect, log } = await start(t, async (exchange) => {
      exchange.response.writeHead(200, { 'Content-Length': '10', ...outcomeHeaders(exchange, 'hit') })
      exchange.response.write('12345')
      await never.opened
    })
    const busy = await connect()
    busy.ask('/')
    await busy.received(5)
    await server.drain(20)
    await assert.rejects(busy.reply(), /the connection ended/)
    const [line] = await log.waitFor('request')
    assert.equal(line?.['outcome'], 'aborted')
    never.open()
  })

  test('of a server that never listened is nothing', async () => {
    await new HttpServer(OK, new LogRecorder().logger).drain(60_000)
  })
})

describe('trouble of ours', () => {
  test('is a 500, is logged with its cause, and ends nothing else', async (t) => {
    const { connect, log } = await start(t, async (exchange) => {
      if (exchange.request.url === '/bug') throw new TypeError('x is not a function')
      if (exchange.request.url === '/disk') throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
      // oxlint-disable-next-line no-throw-literal -- whatever is thrown
      if (exchange.request.url === '/string') throw 'a string'
      await OK(exchange)
    })
    const connection = await connect()
    for (const [target, reason] of [
      ['/bug', 'unexpected failure: x is not a function'],
      ['/disk', 'unexpected failure: EIO: i/o error'],
      ['/string', 'unexpected failure: a string'],
    ] as const) {
      const reply = await connection.get(target)
      assert.deepEqual([reply.status, reply.header('x-pinyon-reason')], [500, reason])
      assert.deepEqual(
        [reply.header('x-cache'), reply.header('cache-control')],
        ['error_internal', 'no-store'],
      )
    }
    assert.equal((await connection.get('/')).status, 200)
    const [bug, , , fine] = await log.waitFor('request', 4)
    assert.deepEqual(
      [bug?.['level'], bug?.['code'], bug?.['outcome']],
      ['error', 'STORE_FAILED', 'error_internal'],
    )
    assert.match(String(bug?.['cause']), /TypeError: x is not a function\n\s+at /)
    assert.deepEqual([fine?.['level'], 'cause' in (fine ?? {})], ['info', false])
  })

  test('in the middle of a body breaks the connection', async (t) => {
    const { connect, log } = await start(t, async (exchange) => {
      exchange.response.writeHead(200, { 'Content-Length': '10', ...outcomeHeaders(exchange, 'fill') })
      exchange.response.write('12345')
      throw new PinyonError('DIGEST_MISMATCH', 'expected a, found: b')
    })
    const connection = await connect()
    await assert.rejects(connection.get('/'), /the connection ended/)
    const [line] = await log.waitFor('request')
    assert.deepEqual(
      [line?.['outcome'], line?.['level'], line?.['reason']],
      ['error_digest', 'warn', 'expected a, found: b'],
    )
  })

  test('even in telling of it breaks no more than the connection', async (t) => {
    const { connect, log } = await start(t, async (exchange) => {
      if (exchange.request.url === '/') return await OK(exchange)
      t.mock.method(exchange.response, 'writeHead', () => {
        throw new Error('cannot write heads')
      })
      throw new PinyonError('NOT_FOUND', 'nothing')
    })
    const connection = await connect()
    await assert.rejects(connection.get('/x'), /the connection ended/)
    const [line] = await log.waitFor('request')
    assert.equal(line?.['reason'], 'unexpected failure: cannot write heads')
    assert.equal((await (await connect()).get('/')).status, 200)
  })

  test('in accepting connections is logged and survived', async (t) => {
    // What node does when accept(2) fails: an 'error' event of the server that listens.
    const listen = t.mock.method(Server.prototype, 'listen')
    const { log, connect } = await start(t, OK)
    const listening = listen.mock.calls[0]?.this as Server
    listening.emit('error', new Error('accept EMFILE'))
    assert.deepEqual(
      log.of('accepting connections').map(({ level, reason }) => [level, reason]),
      [['error', 'accept EMFILE']],
    )
    assert.equal((await (await connect()).get('/')).status, 200)
  })
})

describe('CONNECT', () => {
  test('is refused, and the connection is gone for good though the client keeps its end open', async (t) => {
    const { server } = await start(t, OK)
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    t.after(() => socket.destroy())
    socket.write('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n')
    const [first] = (await once(socket, 'data')) as [Buffer]
    assert.match(first.toString(), /^HTTP\/1\.1 405 .*\r\nConnection: close\r\n\r\n$/s)
    await once(socket, 'end')
    await server.drain(60_000)
  })

  test('ends nothing else when its client is gone before the answer', async (t) => {
    const { connect: open, server } = await start(t, OK)
    for (let times = 0; times < 50; times += 1) {
      const socket = connect(server.port, '127.0.0.1')
      await once(socket, 'connect')
      socket.write('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n', () =>
        socket.resetAndDestroy(),
      )
      await once(socket, 'close')
    }
    assert.equal((await (await open()).get('/')).status, 200)
  })

  test('after requests that are not answered yet ends the connection', async (t) => {
    const never = gate()
    const { connect: open, server } = await start(t, async () => await never.opened)
    const connection = await open()
    connection.ask('/')
    connection.ask('example.org:443', { method: 'CONNECT' })
    await connection.ended()
    await server.drain(60_000)
    never.open()
  })
})

describe('who is turned away because much is asked for', () => {
  test('is told when to come again, and it is no trouble for the log', async (t) => {
    const { connect: open, log } = await start(t, async () => {
      throw new PinyonError('TOO_BUSY', 'too many of them wait already: 16')
    })
    const reply = await (await open()).get('/')
    assert.deepEqual([reply.status, reply.header('retry-after')], [503, '10'])
    assert.equal((await log.waitFor('request'))[0]?.['level'], 'info')
  })
})

describe('the request log', () => {
  test('has one line a request, with what is known of it', async (t) => {
    const { connect, log } = await start(t, OK)
    const connection = await connect()
    const answer = await connection.get('/a?b', { headers: ['User-Agent: libdnf (Fedora Linux 43)'] })
    await connection.get(`/${'x'.repeat(5_000)}`, {
      headers: [`User-Agent: ${'y'.repeat(5_000)}`, 'If-None-Match: *'],
    })
    const [first, second] = await log.waitFor('request', 2)
    const { ms, first_ms: firstMs, time, ...rest } = first ?? {}
    assert.ok(typeof ms === 'number' && ms >= 0 && ms < 60_000 && typeof time === 'number')
    assert.ok(typeof firstMs === 'number' && firstMs <= ms)
    assert.deepEqual(rest, {
      level: 'info',
      method: 'GET',
      target: '/a?b',
      status: 200,
      outcome: 'hit',
      bytes: answer.body.length,
      client: '127.0.0.1',
      agent: 'libdnf (Fedora Linux 43)',
      id: answer.header('x-request-id'),
      msg: 'request',
    })
    assert.deepEqual([second?.['status'], second?.['outcome']], [304, 'not_modified'])
    assert.deepEqual([String(second?.['target']).length, String(second?.['agent']).length], [1_000, 200])
  })

  test('has a level for whose trouble it is', async (t) => {
    const codes = { '/client': 'NOT_FOUND', '/upstream': 'UPSTREAM_GONE', '/ours': 'STORE_FAILED' } as const
    const { connect, log } = await start(t, async (exchange) => {
      throw new PinyonError(codes[exchange.request.url as keyof typeof codes], 'because')
    })
    const connection = await connect()
    for (const target of Object.keys(codes)) await connection.get(target)
    assert.deepEqual(
      (await log.waitFor('request', 3)).map(({ level, code, status }) => [level, code, status]),
      [
        ['info', 'NOT_FOUND', 404],
        ['warn', 'UPSTREAM_GONE', 502],
        ['error', 'STORE_FAILED', 500],
      ],
    )
  })

  test('is not written where nobody wants it', async (t) => {
    const log = new LogRecorder('warn')
    const server = new HttpServer(OK, log.logger)
    await server.listen({ host: '127.0.0.1', port: 0 })
    t.after(() => server.drain(0))
    const connection = await Connection.open(server.port)
    t.after(() => connection.close())
    assert.equal((await connection.get('/')).status, 200)
    await server.drain(60_000)
    assert.deepEqual(log.lines, [])
  })
})

describe('listening', () => {
  test('fails where somebody else does', async (t) => {
    const { server } = await start(t, OK)
    const second = new HttpServer(OK, new LogRecorder().logger)
    await assert.rejects(second.listen({ host: '127.0.0.1', port: server.port }), { code: 'EADDRINUSE' })
  })
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { describe, test, type TestContext } from 'node:test'

import { sendText } from '../../src/http/send-text.ts'
import { HttpServer, type Handler } from '../../src/http/server.ts'
import { createTextReply } from '../../src/proxy/reply.ts'
import { createSilentLogger } from '../../src/system/logger.ts'
import { createMemoryContent } from '../support/memory-content.ts'
import { Connection } from './connection.ts'

/** Far more than a busy machine keeps somebody waiting. */
const REQUEST_MS = 1_500
const HEAD = 'GET /a HTTP/1.1\r\nHost: h\r\n'

const OK: Handler = async (exchange) => {
  await buffer(exchange.request)
  sendText(exchange, createTextReply('text/plain', 'ok\n'))
}

/** A server that gives requests so much time to arrive, with its fast path and without. */
async function start(t: TestContext, isFast: boolean): Promise<number> {
  const { files, content } = await createMemoryContent([['/a', 5_000]])
  const fast = { peek: (target: string) => files.get(target), content, isOn: () => isFast }
  const server = new HttpServer(OK, createSilentLogger(), { requestMs: REQUEST_MS, fast })
  await server.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => server.drain(0))
  return server.port
}

/** Sends a byte whenever the one before is gone, for as long as the connection lives. */
function drip(socket: Socket): void {
  if (!socket.destroyed) socket.write('x', () => setTimeout(drip, 1, socket))
}

const SLOW: readonly (readonly [what: string, begin: (socket: Socket) => unknown])[] = [
  ['sends half a head', (socket) => socket.write(`${HEAD}X-Slow: `)],
  ['sends a head byte by byte', (socket) => socket.write(`${HEAD}X-Slow: `, () => drip(socket))],
  ['sends half a request line', (socket) => socket.write('GE')],
  ['sends nothing', () => undefined],
  [
    'sends half a body',
    (socket) => socket.write(`POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf`),
  ],
  [
    'sends a body in pieces without end',
    (socket) =>
      socket.write('POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n', () =>
        drip(socket),
      ),
  ],
  ['sends half a second head', (socket) => socket.write(`${HEAD}\r\n${HEAD}X-Slow: `)],
]

for (const isFast of [true, false])
  describe(
    `who takes too long to ask${isFast ? '' : ', without the fast path'}`,
    { concurrency: true },
    () => {
      for (const [what, begin] of SLOW)
        test(`and ${what} is let go when the time is over, and nobody else is`, async (t) => {
          const port = await start(t, isFast)
          const other = await Connection.open(port)
          t.after(() => other.close())
          const socket = connect(port, '127.0.0.1')
          const startedAt = performance.now()
          socket.on('error', () => undefined)
          socket.resume()
          await once(socket, 'connect')
          begin(socket)
          let isOver = false
          // However it ends: a reset is an end as well.
          socket.once('close', () => (isOver = true))
          let asked = 0
          for (; !isOver; asked += 1) assert.equal((await other.get('/a')).status, 200)
          assert.ok(asked > 0)
          assert.ok(performance.now() - startedAt >= REQUEST_MS - 10)
          assert.equal((await other.get('/a')).status, 200)
        })
    },
  )

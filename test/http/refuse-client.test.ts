import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'

import { refuseClient } from '../../src/http/refuse-client.ts'

const CHUNKED = 'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n'
const LONG = 'x'.repeat(20_000)

/** What is sent, and what node's own status for it is. */
const REFUSED = [
  ['no request', 'hello\r\n\r\n', 400],
  ['two lengths', CHUNKED.replace('Host: h', 'Content-Length: 4') + '0\r\n\r\n', 400],
  ['a head that is too large', `GET / HTTP/1.1\r\nHost: h\r\nX: ${LONG}\r\n\r\n`, 431],
  ['a target that is too large', `GET /${LONG} HTTP/1.1\r\nHost: h\r\n\r\n`, 431],
  ['a chunk that says too much', `${CHUNKED}1;${LONG}\r\nx\r\n0\r\n\r\n`, 413],
  ['a body that is no chunk', `${CHUNKED}zzz\r\n`, 400],
  ['half a head, slowly', 'GET / HTT', 408],
] as const

/** Answers when the whole body is there; `/begun` has its head sent before. */
const answer: RequestListener = (request, response) => {
  if (request.url === '/begun') response.writeHead(200, { 'Content-Length': 9 }).write('begun')
  else request.resume().once('end', () => response.end('whole'))
}

async function startNode(t: TestContext, use: (server: Server) => unknown): Promise<number> {
  const limits = { headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 10 }
  const server = createServer(limits, answer)
  use(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.closeAllConnections())
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

/** All that comes until the connection is closed. @param more what is sent when something has come */
async function exchange(port: number, text: string, more?: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(text)
  let came = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => (came += chunk))
  if (more !== undefined) socket.once('data', () => socket.write(more))
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.once('close', resolve))
  return came.replaceAll(/Date: [^\r]+/g, 'Date:')
}

describe('who sends no request', () => {
  for (const [what, text, status] of REFUSED)
    test(`is answered as by node itself: ${what}`, async (t) => {
      const node = await exchange(await startNode(t, () => undefined), text)
      const ours = await exchange(
        await startNode(t, (server) => server.on('clientError', refuseClient)),
        text,
      )
      assert.match(node, new RegExp(`^HTTP/1\\.1 ${status} `))
      assert.equal(ours, node)
    })

  test('gets nothing of it within an answer', async (t) => {
    const sent = ['GET /begun HTTP/1.1\r\nHost: h\r\n\r\n', 'hello\r\n\r\n'] as const
    const node = await exchange(await startNode(t, () => undefined), ...sent)
    const ours = await exchange(
      await startNode(t, (server) => server.on('clientError', refuseClient)),
      ...sent,
    )
    assert.match(node, /begun$/)
    assert.equal(ours, node)
  })

  test('is told of by no error, whose stack would be formatted', async (t) => {
    const errors: Error[] = []
    const closed = Promise.withResolvers<boolean>()
    const port = await startNode(t, (server) => {
      server.on('clientError', refuseClient)
      server.on('connection', (socket) => {
        socket.on('error', (error) => errors.push(error))
        socket.on('close', closed.resolve)
      })
    })
    await exchange(port, 'hello\r\n\r\n')
    assert.deepEqual([await closed.promise, errors], [false, []])
  })
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { describe, test, type TestContext } from 'node:test'

import { Network } from '../../src/upstream/network.ts'
import { PlainSender } from '../../src/upstream/plain/plain-sender.ts'
import { DispatcherSender } from '../../src/upstream/sender.ts'
import { sharingReads } from '../../src/upstream/shared-socket.ts'
import { loadUndici } from '../../src/upstream/undici-parts.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { Authority } from '../support/pki.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { needs } from '../support/tools.ts'
import { knownBy, openUpstream } from './open-upstream.ts'
import { ask, turns } from './plain/open-plain.ts'
import { startRawServer } from './raw-server.ts'

const FILES = Array.from({ length: 6 }, (_, at) => seededBytes(`shared ${at}`, (1 << 20) + 1_000 * at))

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

/** Sends files by number: with their length, in chunks, or up to the end of the connection. */
const sendFile: RequestListener = (request, response) => {
  const at = Number(request.url?.slice(1))
  const file = FILES[at] ?? Buffer.alloc(0)
  if (at % 3 === 0) response.setHeader('Content-Length', file.length)
  if (at % 3 === 1) {
    response.useChunkedEncodingByDefault = false
    response.shouldKeepAlive = false
  }
  response.write(file.subarray(0, 300_000))
  response.end(file.subarray(300_000))
}

/** Reads bodies in turn, a piece of each, so that all of them are held up in between. */
async function readInTurn(bodies: readonly AsyncIterable<Uint8Array>[]): Promise<Buffer[]> {
  const iterators = bodies.map((body) => body[Symbol.asyncIterator]())
  const read = bodies.map((): Uint8Array[] => [])
  for (let left = bodies.length; left > 0;) {
    left = bodies.length
    for (const [at, iterator] of iterators.entries()) {
      const { done, value } = await iterator.next()
      if (done === true) left -= 1
      else read[at]?.push(value)
    }
  }
  return read.map((pieces) => Buffer.concat(pieces))
}

/** Sends packets so that each is read before the next. */
async function sendOneByOne(socket: Socket, packets: readonly string[]): Promise<void> {
  socket.setNoDelay(true)
  for (const packet of packets) {
    socket.write(packet)
    await turns(2)
  }
}

async function readAllTwice(baseurl: string, options: Parameters<typeof openUpstream>[2], t: TestContext) {
  const { upstream } = openUpstream(t, [baseurl], options)
  for (const _ of ['on new connections', 'on some that are known']) {
    const replies = await Promise.all(FILES.map((_, at) => upstream.get(String(at))))
    const read = await readInTurn(replies.map(({ body }) => body))
    for (const [at, bytes] of read.entries()) assertBytes(bytes, FILES[at] ?? Buffer.alloc(0))
  }
}

describe('connections that read into one piece of memory', () => {
  test('bring everybody the own bytes, however slowly they are read', async (t) => {
    const port = await listen(t, createServer(sendFile))
    const network = new Network()
    network.memory.fill(0)
    await readAllTwice(`http://127.0.0.1:${port}/`, { network }, t)
    assert.ok(
      network.memory.some((byte) => byte !== 0),
      'it is read into',
    )
  })

  test('keep headers that come before the rest of their head', async (t) => {
    const { Agent, buildConnector } = loadUndici()
    const network = new Network()
    const connect = sharingReads(buildConnector({ timeout: 10_000 }), network.memory)
    const undici = new DispatcherSender(new Agent({ connect }))
    const plain = new PlainSender({
      connect: buildConnector({ timeout: 10_000 }),
      memory: network.memory,
      other: undici,
    })
    t.after(() => plain.destroy())
    const packets = [
      'HTTP/1.1 200 OK\r\n',
      'ETag: "a"\r\nX-O',
      'dd: 1\r\nServer: x\r\nContent-Length: 0\r\n\r\n',
    ]
    const server = await startRawServer(t, (socket) => void sendOneByOne(socket, packets))
    for (const sender of [undici, plain]) {
      const replies = [1, 2, 3].map((at) => ask(sender, `${server.url}${at}`).reply)
      for (const { headers, body } of await Promise.all(replies)) {
        assert.deepEqual(headers, { etag: '"a"', 'x-odd': '1', server: 'x', 'content-length': '0' })
        await body.return()
      }
    }
  })

  test('by TLS as well', needs('openssl'), async (t) => {
    const authority = await Authority.create(t)
    const issued = await authority.issue('localhost')
    const server = createSecureServer(
      { cert: readFileSync(issued.cert), key: readFileSync(issued.key) },
      sendFile,
    )
    const port = await listen(t, server)
    const { identity } = knownBy({ ca: readFileSync(authority.ca, 'latin1') })
    const network = new Network()
    network.memory.fill(0)
    await readAllTwice(`https://localhost:${port}/`, { network, identity }, t)
    assert.ok(
      network.memory.some((byte) => byte !== 0),
      'it is read into',
    )
  })
})

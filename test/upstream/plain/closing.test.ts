import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test, type TestContext } from 'node:test'

import { loadUndici } from '../../../src/upstream/undici-parts.ts'
import { gate } from '../../support/gate.ts'
import { formatReply, startRawServer } from '../raw-server.ts'
import { openPlain, readAll, readOut, readText, turns } from './open-plain.ts'

/** Whether something has come to its end after a few turns of the event loop. */
async function isOver(promise: Promise<unknown>): Promise<boolean> {
  let over = false
  const note = () => (over = true)
  promise.then(note, note)
  await turns(10)
  return over
}

/** A server that holds what it sends after the first word of a body, in chunks or not, until the gate is opened. */
async function startHolding(t: TestContext) {
  const rest = gate()
  const came = gate()
  const answer = async (socket: Socket, request: string) => {
    const isChunked = request.startsWith('GET /chunked')
    const framing = isChunked ? 'Transfer-Encoding: chunked' : 'Content-Length: 8'
    if (!request.startsWith('GET /headless')) {
      socket.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`)
      socket.write(isChunked ? '4\r\nsome\r\n' : 'some')
    }
    came.open()
    await rest.opened
    if (request.startsWith('GET /headless')) socket.write(formatReply(200, [], 'someMORE'))
    else socket.write(isChunked ? '4\r\nMORE\r\n0\r\n\r\n' : 'MORE')
  }
  const server = await startRawServer(t, (socket, request) => {
    if (request.startsWith('GET /idle')) socket.write(formatReply(200, [], 'x'))
    else void answer(socket, request)
  })
  return { server, came, rest }
}

/** A connector that waits, and tells that it was called. */
function holdConnector() {
  const [called, made] = [gate(), gate()]
  const connect = loadUndici().buildConnector({ timeout: 10_000 })
  const held: typeof connect = (options, callback) => {
    called.open()
    void made.opened.then(() => connect(options, callback))
  }
  return { connect: held, called, made }
}

describe('a sender that is closed', () => {
  for (const path of ['headless', 'simple', 'chunked'])
    test(`waits for what is under way: ${path}`, async (t) => {
      const { server, came, rest } = await startHolding(t)
      const { sender, get } = openPlain(t)
      const asked = get(`${server.url}${path}`)
      await came.opened
      // Its head has been read as well.
      if (path !== 'headless') await asked.reply
      const closed = sender.close()
      assert.equal(await isOver(closed), false)
      rest.open()
      assert.equal(await readText(asked.reply), 'someMORE')
      await closed
      await server.waitForConnections(0)
    })

  test('waits for what is being connected', async (t) => {
    const { server, rest } = await startHolding(t)
    const { connect, called, made } = holdConnector()
    const { sender, get } = openPlain(t, { connect })
    const asked = get(server.url)
    await called.opened
    const closed = sender.close()
    assert.equal(await isOver(closed), false)
    made.open()
    rest.open()
    assert.equal(await readText(asked.reply), 'someMORE')
    await closed
    await server.waitForConnections(0)
  })

  test('ends connections that wait at once', async (t) => {
    const { server } = await startHolding(t)
    const { sender, get } = openPlain(t)
    await readAll(get(`${server.url}idle`).reply)
    await turns(2)
    assert.equal(server.connections(), 1)
    await sender.close()
    await server.waitForConnections(0)
  })

  test('ends the connection of an answer that has just come', async (t) => {
    const { server } = await startHolding(t)
    const { sender, get } = openPlain(t)
    const { body } = await get(`${server.url}idle`).reply
    await sender.close()
    await server.waitForConnections(0)
    assert.equal(String((await body.next()).value), 'x')
  })

  test('takes no more, as undici does', async (t) => {
    const { server } = await startHolding(t)
    const { sender, get } = openPlain(t)
    await readAll(get(`${server.url}idle`).reply)
    const closed = sender.close()
    await assert.rejects(get(`${server.url}idle`).reply, loadUndici().errors.ClientClosedError)
    await closed
    await assert.rejects(get(`${server.url}idle`).reply, loadUndici().errors.ClientDestroyedError)
    assert.equal(server.requests.length, 1)
  })

  test('has nothing to wait for when it was never used', async (t) => {
    await openPlain(t).sender.close()
  })
})

describe('a sender that is destroyed', () => {
  test('fails what waits for an answer, as undici does', async (t) => {
    const { server, came } = await startHolding(t)
    const { sender, get } = openPlain(t)
    const asked = get(`${server.url}headless`)
    await came.opened
    await sender.destroy()
    await assert.rejects(asked.reply, loadUndici().errors.ClientDestroyedError)
    assert.equal(asked.ends(), 1)
    await server.waitForConnections(0)
  })

  for (const path of ['simple', 'chunked'])
    test(`fails a body under way: ${path}`, async (t) => {
      const { server } = await startHolding(t)
      const { sender, get } = openPlain(t)
      const asked = get(`${server.url}${path}`)
      const reply = await asked.reply
      assert.equal(String((await reply.body.next()).value), 'some')
      await sender.destroy()
      const { error } = await readOut(reply)
      assert.ok(error instanceof loadUndici().errors.ClientDestroyedError, String(error))
      assert.equal(asked.ends(), 1)
      await server.waitForConnections(0)
    })

  test('fails what is being connected', async (t) => {
    const { server } = await startHolding(t)
    const { connect, called, made } = holdConnector()
    const { sender, get } = openPlain(t, { connect })
    const asked = get(server.url)
    await called.opened
    const destroyed = sender.destroy()
    await assert.rejects(asked.reply, loadUndici().errors.ClientDestroyedError)
    made.open()
    await destroyed
    await server.waitForConnections(0)
    assert.equal(server.requests.length, 0)
  })

  test('fails what asks again on a new connection, as the known one was closed', async (t) => {
    const came = gate()
    const seen = new Set<Socket>()
    const server = await startRawServer(t, (socket, request) => {
      if (request.startsWith('GET /first')) socket.write(formatReply(200, [], 'x'))
      else if (seen.has(socket)) socket.end()
      else came.open()
      seen.add(socket)
    })
    const { sender, get } = openPlain(t)
    await readAll(get(`${server.url}first`).reply)
    const asked = get(`${server.url}second`)
    await came.opened
    assert.equal(seen.size, 2)
    await sender.destroy()
    assert.ok(await isOver(asked.reply))
    await assert.rejects(asked.reply, loadUndici().errors.ClientDestroyedError)
    await server.waitForConnections(0)
  })

  test('takes no more, as undici does', async (t) => {
    const { server } = await startHolding(t)
    const { sender, get } = openPlain(t)
    await sender.destroy()
    await assert.rejects(get(`${server.url}idle`).reply, loadUndici().errors.ClientDestroyedError)
    assert.equal(server.requests.length, 0)
  })

  test('ends connections that wait', async (t) => {
    const { server } = await startHolding(t)
    const { sender, get } = openPlain(t)
    await readAll(get(`${server.url}idle`).reply)
    await turns(2)
    await sender.destroy()
    await server.waitForConnections(0)
  })
})

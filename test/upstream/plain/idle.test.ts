import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test, type TestContext } from 'node:test'

import { formatReply, startRawServer } from '../raw-server.ts'
import { openPlain, readAll, turns } from './open-plain.ts'

/** A server whose connections may wait for three seconds, less two by which who asks is early. */
async function startBrief(t: TestContext) {
  const sockets = new Set<Socket>()
  const server = await startRawServer(t, (socket) => {
    sockets.add(socket)
    socket.write(formatReply(200, ['Keep-Alive: timeout=3'], 'x'))
  })
  return { server, sockets }
}

describe('a connection that waits', () => {
  test('is used within its time, which begins anew, and not after it', async (t) => {
    const { server, sockets } = await startBrief(t)
    const { get } = openPlain(t)
    let nowMs = 1_000_000
    t.mock.method(performance, 'now', () => nowMs)
    const getLater = async (ms: number) => {
      nowMs += ms
      await readAll(get(server.url).reply)
      await turns(2)
      return sockets.size
    }
    assert.equal(await getLater(0), 1)
    assert.equal(await getLater(999), 1)
    assert.equal(await getLater(999), 1)
    assert.equal(await getLater(1_001), 2)
    await server.waitForConnections(1)
  })

  test('is ended after its time, though nobody asks', async (t) => {
    const { server } = await startBrief(t)
    const { get } = openPlain(t)
    let nowMs = 1_000_000
    t.mock.method(performance, 'now', () => nowMs)
    t.mock.timers.enable({ apis: ['setInterval'] })
    await Promise.all([1, 2, 3].map(() => readAll(get(server.url).reply)))
    await turns(2)
    nowMs += 999
    t.mock.timers.tick(1_000)
    await turns(10)
    assert.equal(server.connections(), 3)
    nowMs += 2
    t.mock.timers.tick(1_000)
    await server.waitForConnections(0)
    await readAll(get(server.url).reply)
    assert.equal(server.requests.length, 4)
  })

  test('is the one that was used last', async (t) => {
    const used: Socket[] = []
    const server = await startRawServer(t, (socket) => {
      used.push(socket)
      socket.write(formatReply(200, [], 'x'))
    })
    const { get } = openPlain(t)
    await Promise.all([1, 2, 3].map(() => readAll(get(server.url).reply)))
    await turns(2)
    for (let round = 0; round < 5; round += 1) {
      await readAll(get(server.url).reply)
      await turns(2)
    }
    assert.equal(new Set(used.slice(0, 3)).size, 3)
    assert.equal(new Set(used.slice(3)).size, 1)
  })
})

describe('a host', () => {
  test('is one by its port, and knows nothing of others’ connections', async (t) => {
    const servers = await Promise.all(
      ['a', 'b'].map((name) => startRawServer(t, (socket) => socket.write(formatReply(200, [], name)))),
    )
    const { get } = openPlain(t)
    for (let round = 0; round < 3; round += 1)
      for (const [at, { url }] of servers.entries())
        assert.equal((await readAll(get(url).reply)).toString(), 'ab'[at])
    assert.deepEqual(
      servers.map((server) => [server.requests.length, server.mostConnections()]),
      [
        [3, 1],
        [3, 1],
      ],
    )
  })

  test('is asked by its name and port, and by no user’s', async (t) => {
    const server = await startRawServer(t, (socket) => socket.write(formatReply(200, [], 'x')))
    const { get } = openPlain(t)
    await readAll(get(server.url).reply)
    const { host } = new URL(server.url)
    const expected = ['GET / HTTP/1.1', `host: ${host}`, 'connection: keep-alive', 'user-agent: pinyon/test']
    assert.equal(server.requests[0], `${expected.join('\r\n')}\r\n\r\n`)
  })
})

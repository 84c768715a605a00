import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, test } from 'node:test'

import { gate } from '../../support/gate.ts'
import { formatReply, startRawServer } from '../raw-server.ts'
import { openPlain, readAll, readText, turns } from './open-plain.ts'

const WAYS_TO_CLOSE: Readonly<Record<string, (socket: Socket) => void>> = {
  'by its end': (socket) => socket.end(),
  'by a reset': (socket) => socket.resetAndDestroy(),
}

/** The path of a request. */
const pathOf = (request: string) => request.split(' ')[1] ?? ''

describe('a connection', () => {
  test('is used again, for one request after the other', async (t) => {
    const sockets = new Set<Socket>()
    const server = await startRawServer(t, (socket, request) => {
      sockets.add(socket)
      socket.write(formatReply(200, [], pathOf(request)))
    })
    const { get } = openPlain(t)
    for (let at = 0; at < 50; at += 1) assert.equal(await readText(get(`${server.url}${at}`).reply), `/${at}`)
    assert.equal(sockets.size, 1)
    assert.equal(server.requests.length, 50)
  })

  test('is asked again in a later turn only: who asks before waits for it', async (t) => {
    const turnsOf: number[] = []
    const server = await startRawServer(t, (socket) => {
      turnsOf.push(turn)
      socket.write(formatReply(200, [], 'x'))
    })
    let turn = 0
    let counter: NodeJS.Immediate | undefined
    const count = () => {
      turn += 1
      counter = setImmediate(count)
    }
    count()
    t.after(() => clearImmediate(counter))
    const { get } = openPlain(t)
    await readAll(get(server.url).reply)
    // As soon as all has come, in the same turn.
    const second = get(server.url).reply
    const before = turn
    await readAll(second)
    assert.ok((turnsOf[1] ?? 0) > before, `asked in turn ${turnsOf[1]}, known to be free in ${before}`)
    assert.equal(server.mostConnections(), 1)
  })

  test('is one of no more than there are requests at a time', async (t) => {
    const server = await startRawServer(t, (socket, request) =>
      socket.write(formatReply(200, [], pathOf(request))),
    )
    const { get } = openPlain(t)
    const worker = async (name: number) => {
      for (let at = 0; at < 30; at += 1)
        assert.equal(await readText(get(`${server.url}${name}/${at}`).reply), `/${name}/${at}`)
    }
    await Promise.all([0, 1, 2, 3, 4].map(worker))
    assert.equal(server.mostConnections(), 5)
    assert.equal(server.requests.length, 150)
  })

  test('is a new one for who comes while all are in use', async (t) => {
    const opened = gate()
    const server = await startRawServer(t, (socket, request) => {
      const answer = () => socket.write(formatReply(200, [], pathOf(request)))
      if (pathOf(request) === '/held') void opened.opened.then(answer)
      else answer()
    })
    const { get } = openPlain(t)
    const held = get(`${server.url}held`).reply
    assert.equal(await readText(get(`${server.url}free`).reply), '/free')
    assert.equal(server.mostConnections(), 2)
    opened.open()
    assert.equal(await readText(held), '/held')
  })

  for (const line of ['Connection: close', 'Keep-Alive: timeout=1', 'Keep-Alive: timeout=0'])
    test(`is not used again after: ${line}`, async (t) => {
      const sockets = new Set<Socket>()
      const server = await startRawServer(t, (socket) => {
        sockets.add(socket)
        socket.write(formatReply(200, [line], 'x'))
      })
      const { get } = openPlain(t)
      for (let round = 0; round < 3; round += 1) assert.equal(await readText(get(server.url).reply), 'x')
      assert.equal(sockets.size, 3)
      await server.waitForConnections(0)
    })

  test('is not used again when more came than was announced, which nobody gets', async (t) => {
    const sockets = new Set<Socket>()
    const server = await startRawServer(t, (socket) => {
      sockets.add(socket)
      socket.write(
        formatReply(200, ['Content-Length: 4'], `goodHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`),
      )
    })
    const { get } = openPlain(t)
    for (let round = 0; round < 3; round += 1) {
      const asked = get(server.url)
      assert.equal(await readText(asked.reply), 'good')
      assert.equal(asked.ends(), 1)
    }
    assert.equal(sockets.size, 3)
    await server.waitForConnections(0)
  })

  test('is ended by bytes that come unasked, which are nobody’s answer', async (t) => {
    const sockets: Socket[] = []
    const server = await startRawServer(t, (socket) => {
      sockets.push(socket)
      socket.write(formatReply(200, [], 'good'))
    })
    const { get } = openPlain(t)
    assert.equal(await readText(get(server.url).reply), 'good')
    await turns(2)
    sockets[0]?.write(formatReply(200, [], 'evil'))
    await server.waitForConnections(0)
    assert.equal(await readText(get(server.url).reply), 'good')
    assert.equal(new Set(sockets).size, 2)
  })

  for (const count of [0, 1, 2, 5])
    test(`is not asked when unasked bytes have come that were not seen yet, ${count} turns after it was used`, async (t) => {
      const sockets: Socket[] = []
      const server = await startRawServer(t, (socket) => {
        sockets.push(socket)
        socket.write(formatReply(200, [], 'good'))
      })
      const { get } = openPlain(t)
      assert.equal(await readText(get(server.url).reply), 'good')
      await turns(count)
      // They are in the kernel when it is asked, in the same turn.
      sockets[0]?.write(formatReply(200, [], 'evil'))
      assert.equal(await readText(get(server.url).reply), 'good')
      assert.equal(new Set(sockets).size, 2)
    })
})

describe('a server that closes a connection just as it is asked again', () => {
  for (const [how, close] of Object.entries(WAYS_TO_CLOSE))
    test(`${how} is asked once more on a new one, without an error`, async (t) => {
      const asked = new Map<Socket, number>()
      const server = await startRawServer(t, (socket, request) => {
        const count = (asked.get(socket) ?? 0) + 1
        asked.set(socket, count)
        if (count > 1) close(socket)
        else socket.write(formatReply(200, [], pathOf(request)))
      })
      const { get } = openPlain(t)
      assert.equal(await readText(get(`${server.url}first`).reply), '/first')
      const second = get(`${server.url}second`)
      const reply = await second.reply
      // Whoever asked holds a place until this is told.
      assert.equal(second.ends(), 0)
      assert.equal(await readText(reply), '/second')
      assert.equal(second.ends(), 1)
      assert.deepEqual(server.requests.map(pathOf), ['/first', '/second', '/second'])
      assert.equal(asked.size, 2)
    })

  test('is not asked a third time', async (t) => {
    let isBroken = false
    const server = await startRawServer(t, (socket, request) => {
      if (isBroken) socket.end()
      else socket.write(formatReply(200, [], pathOf(request)))
    })
    const { get } = openPlain(t)
    await readAll(get(`${server.url}first`).reply)
    isBroken = true
    const second = get(`${server.url}second`)
    await assert.rejects(second.reply, { code: 'UND_ERR_SOCKET', message: 'other side closed' })
    assert.deepEqual(server.requests.map(pathOf), ['/first', '/second', '/second'])
    assert.equal(second.ends(), 1)
  })

  test('is not asked again when it had begun to answer', async (t) => {
    let isBroken = false
    const server = await startRawServer(t, (socket, request) => {
      if (isBroken) socket.end('HTTP/1.1 200 OK\r\nContent-')
      else socket.write(formatReply(200, [], pathOf(request)))
    })
    const { get } = openPlain(t)
    await readAll(get(`${server.url}first`).reply)
    isBroken = true
    await assert.rejects(get(`${server.url}second`).reply, { code: 'UND_ERR_SOCKET' })
    assert.deepEqual(server.requests.map(pathOf), ['/first', '/second'])
  })

  test('and had not been asked before is not asked again', async (t) => {
    const server = await startRawServer(t, (socket) => socket.end())
    const { get } = openPlain(t)
    await assert.rejects(get(server.url).reply, { code: 'UND_ERR_SOCKET', message: 'other side closed' })
    assert.equal(server.requests.length, 1)
  })

  test('is seen to have closed one that nobody uses', async (t) => {
    const sockets: Socket[] = []
    const server = await startRawServer(t, (socket) => {
      sockets.push(socket)
      socket.write(formatReply(200, [], 'x'))
    })
    const { get } = openPlain(t)
    await readAll(get(server.url).reply)
    const [first] = sockets
    assert.ok(first)
    first.end()
    await once(first, 'close')
    await readAll(get(server.url).reply)
    assert.equal(server.requests.length, 2)
    assert.equal(new Set(sockets).size, 2)
  })
})

test('to an address of IPv6 are made, and its host is named as in the URL', async (t) => {
  const asked: string[] = []
  const server = createServer((socket) =>
    socket.on('data', (bytes) => {
      asked.push(bytes.toString('latin1'))
      socket.end(formatReply(200, [], 'six'))
    }),
  )
  server.on('error', () => t.skip('it has no IPv6'))
  server.listen(0, '::1')
  await Promise.race([once(server, 'listening'), once(server, 'error').catch(() => undefined)])
  if (!server.listening) return
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const { get } = openPlain(t)
  assert.equal(await readText(get(`http://[::1]:${port}/a`).reply), 'six')
  assert.match(asked.join(''), new RegExp(`^GET /a HTTP/1\\.1\r\nhost: \\[::1\\]:${port}\r\n`))
})

test('that bring bytes with them before anything is asked are not used', async (t) => {
  const server = await startRawServer(t, (socket) => socket.write(formatReply(200, [], 'asked')))
  const { get } = openPlain(t, {
    connect: ({ hostname, port }, callback) => {
      const socket = connect(Number(port), hostname, () => {
        socket.unshift('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno')
        callback(null, socket)
      })
    },
  })
  const asked = get(server.url)
  await assert.rejects(asked.reply, { code: 'UND_ERR_SOCKET' })
  assert.equal(asked.ends(), 1)
  assert.equal(server.requests.length, 0)
})

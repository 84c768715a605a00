import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'

import { assertBytes } from '../../contract/assert-bytes.ts'
import { formatRequest, startFastServer } from './fast-server.ts'

/** More than the kernel takes for a client that reads nothing. */
const LARGE = 16 << 20
async function receive(socket: Socket): Promise<Buffer> {
  const reply = await buffer(socket)
  return reply.subarray(reply.indexOf('\r\n\r\n') + 4)
}

function dateless(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/^(Date|X-Request-Id): .*/, '$1:'))
}

/** Large ones stay files. */
const COLD = { memoryBytes: 1 << 20 }
/** So does what is larger than its smallest. */
const COLD_FILES = { memoryBytes: 128 << 10 }
/** Large ones go into memory. */
const HOT = { memoryBytes: 128 << 20 }

describe('a warm file', () => {
  test('is answered without node:http, with the same head', async (t) => {
    const { connect, handled, switchOn, bytesOf } = await startFastServer(t, [['/a', 5_000]])
    const fast = await (await connect()).get('/a')
    switchOn(false)
    const slow = await (await connect()).get('/a')
    assert.deepEqual(handled, ['/a'])
    assert.deepEqual([fast.statusLine, ...dateless(fast.lines)], [slow.statusLine, ...dateless(slow.lines)])
    assertBytes(fast.body, bytesOf('/a'))
    assertBytes(slow.body, bytesOf('/a'))
  })

  test('comes again and again on one connection, whatever its size and wherever it lies', async (t) => {
    const sizes = [0, 1, 65_536, 65_537, 1 << 20, (1 << 20) + 1, 3 << 20]
    for (const limits of [COLD, HOT]) {
      const files = sizes.map((size) => [`/${size}`, size] as const)
      const { connect, handled, bytesOf } = await startFastServer(t, files, limits)
      const connection = await connect()
      for (let times = 0; times < 5; times += 1)
        for (const [target] of files) assertBytes((await connection.get(target)).body, bytesOf(target))
      assert.deepEqual(handled, [])
    }
  })

  test('is logged as one that came by node:http', async (t) => {
    const { connect, log, switchOn, files } = await startFastServer(t, [['/a?token=secret', 5_000]])
    const etag = files.get('/a?token=secret')?.etag
    const asked = [
      { headers: [] },
      { headers: ['Range: bytes=-1'] },
      { headers: [`If-None-Match: ${etag}`] },
      { method: 'HEAD', headers: [] },
      { method: 'HEAD', headers: [`If-None-Match: ${etag}`] },
    ]
    for (const { method = 'GET', headers } of asked) {
      const options = { method, headers: ['User-Agent: libdnf "42"', ...headers] }
      switchOn(true)
      await (await connect()).get('/a?token=secret', options)
      switchOn(false)
      await (await connect()).get('/a?token=secret', options)
      const [fast, slow] = (await log.waitFor('request', 2)).splice(0)
      log.lines.length = 0
      const { ms, time } = fast ?? {}
      assert.ok(typeof ms === 'number' && ms >= 0 && ms < 60_000 && typeof time === 'number')
      assert.deepEqual(Object.keys(fast ?? {}), Object.keys(slow ?? {}))
      const own = { ms: 0, first_ms: 0, time: 0, id: '' }
      assert.deepEqual({ ...fast, ...own }, { ...slow, ...own })
      assert.notEqual(fast?.['id'], slow?.['id'])
      assert.deepEqual([fast?.['target'], fast?.['agent']], ['/a?token=***', 'libdnf "42"'])
    }
  })
})

describe('a simple request for what is not known', () => {
  test('is answered by node:http, and what comes behind it is not, with a range that is not there neither', async (t) => {
    const { connect, handled, bytesOf } = await startFastServer(t, [['/a', 5_000]])
    const connection = await connect()
    for (let times = 0; times < 3; times += 1) {
      assertBytes((await connection.get('/a')).body, bytesOf('/a'))
      assert.equal((await connection.get('/none')).status, 404)
      assert.equal((await connection.get('/a', { headers: ['Range: bytes=5000-'] })).status, 416)
      assert.equal((await connection.get('/a', { headers: ['Range: bytes=0-1, 4-3'] })).status, 200)
    }
    assert.deepEqual(handled, ['/none', '/none', '/none'])
  })

  test('is answered in its turn with what comes behind it too soon', async (t) => {
    const { connect, handled, bytesOf, log, letGo } = await startFastServer(t, [['/a', 5_000]])
    const connection = await connect()
    connection.send(formatRequest('/slow'))
    await log.waitFor('asked')
    connection.send(formatRequest('/a'))
    // Another request is answered in between: by then this one has come.
    await (await connect()).get('/a')
    letGo()
    assert.equal((await connection.reply()).status, 404)
    assertBytes((await connection.reply()).body, bytesOf('/a'))
    assertBytes((await connection.get('/a')).body, bytesOf('/a'))
    assert.deepEqual(handled, ['/slow', '/a', '/a'])
  })

  test('ends its connection when it says so', async (t) => {
    const { dial } = await startFastServer(t, [['/a', 5_000]])
    const socket = await dial()
    socket.write(formatRequest('/none', 'Connection: close'))
    assert.match((await buffer(socket)).toString('latin1'), /^HTTP\/1.1 404 .*\r\nConnection: close\r\n/s)
  })

  test('whose client goes is an aborted one', async (t) => {
    const { dial, log } = await startFastServer(t, [['/a', 5_000]])
    const socket = await dial()
    socket.write(formatRequest('/never'))
    await log.waitFor('asked')
    socket.resetAndDestroy()
    assert.equal((await log.waitFor('request'))[0]?.['outcome'], 'aborted')
  })
})

describe('what was asked for under a condition', () => {
  const asked: readonly (readonly [what: string, headers: (etag: string) => string[], status: number])[] = [
    ['the client has', (etag) => [`If-None-Match: ${etag}`], 304],
    ['the client has another of', () => ['If-None-Match: "0"'], 200],
    ['has not changed since', () => ['If-Modified-Since: Tue, 13 Dec 2016 13:30:00 GMT'], 304],
    ['is wanted from a place on', () => ['Range: bytes=4000-'], 206],
    ['is wanted in part', () => ['Range: bytes=10-19'], 206],
    ['is wanted at its end', () => ['Range: bytes=-5'], 206],
    ['is wanted in part, if it is that', (etag) => ['Range: bytes=10-19', `If-Range: ${etag}`], 206],
    ['is wanted in part, if it is another', () => ['Range: bytes=10-19', 'If-Range: "0"'], 200],
  ]
  for (const [where, size, limits] of [
    ['in memory', 5_000, {}],
    ['in a file', 300_000, COLD_FILES],
  ] as const)
    for (const method of ['GET', 'HEAD'] as const)
      for (const [what, headersFor, status] of asked)
        test(`${what}, ${method}, ${where}`, async (t) => {
          const { connect, handled, switchOn, files } = await startFastServer(t, [['/a', size]], limits)
          const headers = headersFor(files.get('/a')?.etag ?? '')
          const fast = await (await connect()).get('/a', { method, headers })
          switchOn(false)
          const slow = await (await connect()).get('/a', { method, headers })
          assert.deepEqual(handled, ['/a'])
          assert.equal(fast.status, method === 'HEAD' && status === 206 ? 200 : status)
          assert.deepEqual(
            [fast.statusLine, ...dateless(fast.lines)],
            [slow.statusLine, ...dateless(slow.lines)],
          )
          assertBytes(fast.body, slow.body)
        })
})

describe('what is no simple request', () => {
  test('is handed over, and so is all that follows on its connection', async (t) => {
    const { connect, handled, bytesOf } = await startFastServer(t, [['/a', 5_000]])
    const connection = await connect()
    await connection.get('/a')
    assert.equal((await connection.get('/none')).status, 404)
    assertBytes((await connection.get('/a')).body, bytesOf('/a'))
    assertBytes((await connection.get('/a', { headers: ['X-Unknown: 1'] })).body, bytesOf('/a'))
    assertBytes((await connection.get('/a')).body, bytesOf('/a'))
    assert.deepEqual(handled, ['/none', '/a', '/a'])
  })

  test('is handed over also in pieces', async (t) => {
    const { connect, bytesOf } = await startFastServer(t, [['/a', 5_000]])
    const connection = await connect()
    await connection.get('/a')
    const request = formatRequest('/a')
    // Another request is answered in between: by then the first piece has come.
    connection.send(request.slice(0, 10))
    await (await connect()).get('/a')
    connection.send(request.slice(10))
    assertBytes((await connection.reply()).body, bytesOf('/a'))
  })

  test('is answered in its turn when it comes behind others', async (t) => {
    const { connect, bytesOf } = await startFastServer(t, [
      ['/a', 5_000],
      ['/large', 4 << 20],
    ])
    const connection = await connect()
    connection.send(formatRequest('/large'))
    connection.send(formatRequest('/a') + formatRequest('/none') + formatRequest('/a'))
    assertBytes((await connection.reply()).body, bytesOf('/large'))
    assertBytes((await connection.reply()).body, bytesOf('/a'))
    assert.equal((await connection.reply()).status, 404)
    assertBytes((await connection.reply()).body, bytesOf('/a'))
  })
})

describe('a client', () => {
  for (const [where, limits] of [
    ['a file', COLD],
    ['memory', HOT],
  ] as const)
    test(`that has sent all it has to send gets all of its answer, from ${where}`, async (t) => {
      const server = await startFastServer(t, [['/large', LARGE]], limits)
      // Into memory, where there is room.
      for (let times = 0; times < 5; times += 1) {
        const socket = await server.dial()
        socket.end(formatRequest('/large'))
        assertBytes(await receive(socket), server.bytesOf('/large'))
      }
      assert.deepEqual(server.handled, [])
    })

  test('that ends its connection is answered once, and then it ends', async (t) => {
    const { dial, bytesOf, log } = await startFastServer(t, [['/a', 5_000]])
    const socket = await dial()
    socket.write(formatRequest('/a', 'Connection: close'))
    const reply = await buffer(socket)
    assert.match(reply.toString('latin1'), /\r\nConnection: close\r\n\r\n/)
    assertBytes(reply.subarray(reply.indexOf('\r\n\r\n') + 4), bytesOf('/a'))
    assert.equal((await log.waitFor('request')).length, 1)
  })

  test('that goes in the middle of an answer is an aborted one, and holds nothing', async (t) => {
    const { dial, log, cache, open } = await startFastServer(t, [['/large', LARGE]], COLD)
    const socket = await dial()
    socket.write(formatRequest('/large'))
    await once(socket, 'data')
    socket.resetAndDestroy()
    const [line] = await log.waitFor('request')
    assert.equal(line?.['outcome'], 'aborted')
    assert.equal(open(), 1)
    cache.close()
    assert.equal(open(), 0)
  })

  test('that reads nothing keeps nobody waiting, and reads it all later', async (t) => {
    const { connect, dial, bytesOf } = await startFastServer(t, [
      ['/a', 5_000],
      ['/large', LARGE],
    ])
    const slow = await dial()
    slow.pause()
    slow.write(formatRequest('/large', 'Connection: close'))
    assertBytes((await (await connect()).get('/a')).body, bytesOf('/a'))
    assertBytes(await receive(slow), bytesOf('/large'))
  })
})

describe('a stored file that was cut short', () => {
  test('is not finished towards the client', async (t) => {
    const { connect, cutShort, log } = await startFastServer(t, [['/large', LARGE]], COLD)
    cutShort(1 << 20)
    const connection = await connect()
    await assert.rejects(connection.get('/large'), /the connection ended/)
    const [line] = await log.waitFor('request')
    assert.deepEqual(
      [line?.['outcome'], line?.['code'], line?.['level']],
      ['error_internal', 'BLOB_UNREADABLE', 'error'],
    )
  })

  test('is somebody else’s to answer while nothing of it is sent', async (t) => {
    const { connect, cutShort, handled } = await startFastServer(t, [['/large', LARGE]], COLD)
    cutShort(0)
    const connection = await connect()
    await connection.get('/large')
    assert.deepEqual(handled, ['/large'])
  })

  test('is that also when more has been asked for meanwhile', async (t) => {
    const files = [['/a', 5_000] as const, ['/large', LARGE] as const]
    const { connect, cutShort, bytesOf } = await startFastServer(t, files, COLD)
    cutShort(0)
    const connection = await connect()
    connection.send(formatRequest('/large'))
    connection.send(formatRequest('/a'))
    assert.equal((await connection.reply()).status, 502)
    assertBytes((await connection.reply()).body, bytesOf('/a'))
  })
})

describe('draining', () => {
  test('ends idle connections, and those with an answer after it', async (t) => {
    const files = [['/a', 5_000] as const, ['/large', LARGE] as const]
    const { server, connect, dial, bytesOf } = await startFastServer(t, files)
    const idle = await connect()
    await idle.get('/a')
    const fresh = await dial()
    const busy = await dial()
    busy.write(formatRequest('/large'))
    const [first] = (await once(busy, 'data')) as [Buffer]
    busy.pause()
    const drained = server.drain(60_000)
    assert.equal((await idle.ended()).length, 0)
    await once(fresh.resume(), 'end')
    const reply = Buffer.concat([first, await buffer(busy)])
    assertBytes(reply.subarray(reply.indexOf('\r\n\r\n') + 4), bytesOf('/large'))
    await drained
  })

  test('ends what is not finished in time', async (t) => {
    const { server, dial, log } = await startFastServer(t, [['/large', LARGE]])
    const busy = await dial()
    busy.write(formatRequest('/large'))
    await once(busy, 'data')
    busy.pause()
    await server.drain(20)
    assert.equal((await log.waitFor('request'))[0]?.['outcome'], 'aborted')
  })
})

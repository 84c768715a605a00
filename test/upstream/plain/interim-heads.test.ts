import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'

import { formatReply, startRawServer } from '../raw-server.ts'
import { openPlain, readText, turns } from './open-plain.ts'

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
const HINT = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'
const FINAL = formatReply(200, [], 'right').toString('latin1')

const PASSED: Readonly<Record<string, readonly string[]>> = {
  '100 Continue': [CONTINUE + FINAL],
  '100 Continue in a packet of its own': [CONTINUE, FINAL],
  'half of 100 Continue': [CONTINUE.slice(0, 15), CONTINUE.slice(15) + FINAL],
  '100 Continue without a reason': [`HTTP/1.1 100\r\n\r\n${FINAL}`],
  '100 Continue with headers': [`HTTP/1.1 100 Continue\r\nContent-Length: 0\r\nDate: x\r\n\r\n${FINAL}`],
  'several of them': [HINT, CONTINUE + HINT + CONTINUE.slice(0, 20), `${CONTINUE.slice(20)}${FINAL}`],
}

async function send(socket: Socket, packets: readonly string[]): Promise<void> {
  socket.setNoDelay(true)
  for (const packet of packets) {
    socket.write(packet, 'latin1')
    await turns(3)
  }
}

describe('an answer that comes before the real one, unasked,', () => {
  for (const [what, packets] of Object.entries(PASSED))
    test(`is passed over, and its connection goes on: ${what}`, async (t) => {
      const server = await startRawServer(t, (socket) => void send(socket, packets))
      const { get, others } = openPlain(t)
      for (let round = 1; round <= 2; round += 1) assert.equal(await readText(get(server.url).reply), 'right')
      assert.equal(server.requests.length, 2)
      assert.deepEqual([server.mostConnections(), others.length], [1, 0])
    })

  test('is one of 64 at most', async (t) => {
    let count = 64
    const server = await startRawServer(t, (socket) => socket.write(CONTINUE.repeat(count) + FINAL))
    const { get } = openPlain(t)
    assert.equal(await readText(get(server.url).reply), 'right')
    count = 65
    await assert.rejects(get(server.url).reply, {
      code: 'UND_ERR_SOCKET',
      message: 'more answers in between came than: 64',
    })
    await server.waitForConnections(0)
  })

  test('has no more than 8 KiB', async (t) => {
    const head = `HTTP/1.1 100 Continue\r\n${'A: 0123456789\r\n'.repeat(600)}\r\n`
    const server = await startRawServer(t, (socket) => socket.write(head))
    const { get } = openPlain(t)
    await assert.rejects(get(server.url).reply, { code: 'UND_ERR_SOCKET', message: 'bad response' })
  })

  test('that is never followed by the real one is none', async (t) => {
    for (const begun of [CONTINUE, CONTINUE.slice(0, 20)]) {
      const server = await startRawServer(t, (socket) => socket.end(begun))
      const { get } = openPlain(t)
      await assert.rejects(get(server.url).reply, { code: 'UND_ERR_SOCKET', message: 'other side closed' })
    }
  })

  test('101 is not: nobody has asked for another protocol', async (t) => {
    const server = await startRawServer(t, (socket) => socket.write(`HTTP/1.1 101 X\r\n\r\n${FINAL}`))
    const { get } = openPlain(t)
    await assert.rejects(get(server.url).reply, { code: 'ERR_ASSERTION' })
  })
})

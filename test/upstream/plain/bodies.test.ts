import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'

import { giveBack, PIECE_BYTES, Pieces } from '../../../src/system/pieces.ts'
import { assertBytes } from '../../contract/assert-bytes.ts'
import { Random } from '../../support/random.ts'
import { seededBytes } from '../../support/seeded-bytes.ts'
import { formatReply, startRawServer } from '../raw-server.ts'
import { openPlain, readAll, readOut, readText, turns } from './open-plain.ts'

const around = (bytes: number) => [bytes - 1, bytes, bytes + 1]
/** Where bodies go from one kind of memory to another, and what takes many pieces. */
const SIZES = [0, 1, ...[16, 32, 128, 256].flatMap((kib) => around(kib << 10)), 5 << 20]

const CONTENT = seededBytes('bodies', 5 << 20)
const headOf = (bytes: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`

/** Writes bytes in parts of seeded sizes, each a packet of its own where the loopback is as fast as that. */
async function writeInParts(socket: Socket, bytes: Buffer, random: Random, most: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const part = bytes.subarray(at, at + 1 + random.below(most))
    at += part.length
    if (!socket.write(part)) await once(socket, 'drain')
    if (random.once(2)) await turns(1)
  }
}

describe('a body', () => {
  for (const size of SIZES)
    test(`of ${size} bytes comes as it was sent, in one write or in many`, async (t) => {
      const content = CONTENT.subarray(0, size)
      const random = new Random(size)
      const server = await startRawServer(t, (socket, request) => {
        const most = Number(request.split(' ')[1]?.slice(1))
        socket.setNoDelay(true)
        if (most > 0) {
          socket.write(headOf(size))
          void writeInParts(socket, content, random, most)
        } else socket.write(Buffer.concat([Buffer.from(headOf(size)), content]))
      })
      const { get } = openPlain(t)
      // Few packets' worth at a time only where few packets come of it.
      const mosts = [0, 0, 64 << 10, 300_000, ...(size > 1 << 20 ? [] : [5_000])]
      for (const most of mosts) {
        const asked = get(`${server.url}${most}`)
        assertBytes(await readAll(asked.reply), content)
        assert.equal(asked.ends(), 1)
      }
      assert.equal(server.mostConnections(), 1)
    })

  test('whose pieces are given back comes right, as do others at the same time', async (t) => {
    const server = await startRawServer(t, (socket, request) => {
      const at = Number(request.split(' ')[1]?.slice(1))
      const content = CONTENT.subarray(at, at + 900_000)
      socket.setNoDelay(true)
      socket.write(headOf(content.length))
      void writeInParts(socket, content, new Random(at), 200_000)
    })
    const { get } = openPlain(t)
    const read = async (at: number) => {
      const { body } = await get(`${server.url}${at}`).reply
      let offset = at
      for await (const piece of body) {
        assertBytes(piece, CONTENT.subarray(offset, offset + piece.length))
        offset += piece.length
        giveBack(piece)
        // Somebody else may write into it now.
        await turns(1)
      }
      assert.equal(offset, at + 900_000)
    }
    for (let round = 0; round < 3; round += 1)
      await Promise.all([0, 1, 2, 3].map((at) => read(at * 1_000_000)))
    assert.equal(server.mostConnections(), 4)
  })

  test('uses the memory again that is given back', async (t) => {
    const server = await startRawServer(t, (socket) => {
      socket.write(headOf(CONTENT.length))
      socket.write(CONTENT)
    })
    const pieces = new Pieces()
    const { get } = openPlain(t)
    const seen = new Set<ArrayBufferLike>()
    let bytes = 0
    for (let round = 0; round < 4; round += 1)
      for await (const piece of (await get(server.url, { pieces }).reply).body) {
        bytes += piece.length
        if (piece.length >= 16 << 10) seen.add(piece.buffer)
        giveBack(piece)
      }
    assert.equal(bytes, 4 * CONTENT.length)
    assert.ok(seen.size * PIECE_BYTES <= 2 << 20, `${bytes} bytes went through ${seen.size} pieces`)
  })

  test('leaves no memory lent when it ends early, or is given up', async (t) => {
    const server = await startRawServer(t, (socket, request) => {
      socket.write(headOf(CONTENT.length))
      if (request.startsWith('GET /early')) socket.end(CONTENT.subarray(0, 400_000))
      else socket.write(CONTENT)
    })
    const pieces = new CountingPieces()
    const { get } = openPlain(t)
    for (const path of ['early', 'given-up', 'aborted']) {
      const asked = get(`${server.url}${path}`, { pieces })
      const reply = await asked.reply
      const first = await reply.body.next()
      if (first.value !== undefined) giveBack(first.value)
      if (path === 'given-up') await reply.body.return()
      if (path === 'aborted') asked.abort()
      for (;;) {
        const step = await reply.body.next().catch(() => undefined)
        if (step?.value === undefined) break
        giveBack(step.value)
      }
      await server.waitForConnections(0)
      await turns(3)
      assert.equal(pieces.lent, 0, path)
    }
  })
})

/** Knows how many are out. */
class CountingPieces extends Pieces {
  lent = 0

  override take(): Buffer {
    this.lent += 1
    return super.take()
  }

  override keep(lent: Parameters<Pieces['keep']>[0]): void {
    this.lent -= 1
    super.keep(lent)
  }
}

describe('a reader that does not read', () => {
  test('holds the server up, and gets everything in the end', async (t) => {
    const total = 64 << 20
    const chunk = CONTENT.subarray(0, 1 << 20)
    let written = 0
    const server = await startRawServer(t, (socket) => {
      const goOn = () => {
        for (let goesOn = true; goesOn && written < total; written += chunk.length)
          goesOn = socket.write(chunk)
      }
      socket.on('drain', goOn)
      socket.write(headOf(total))
      goOn()
    })
    const { get } = openPlain(t)
    const { body } = await get(server.url).reply
    // What it may send it has sent once nothing changed for so long.
    for (let [before, quiet] = [-1, 0]; quiet < 200; await turns(1)) {
      quiet = written === before ? quiet + 1 : 0
      before = written
    }
    assert.ok(written <= 16 << 20, `${written} bytes were written for nobody`)
    let at = 0
    for await (const piece of body) {
      const from = at % chunk.length
      const expected = Buffer.concat([chunk.subarray(from), chunk]).subarray(0, piece.length)
      assertBytes(piece, expected)
      giveBack(piece)
      at += piece.length
    }
    assert.equal(at, total)
    assert.equal(written, total)
  })

  test('of a body that has come whole leaves the connection to others', async (t) => {
    const server = await startRawServer(t, (socket, request) => {
      if (request.startsWith('GET /small')) socket.write(formatReply(200, [], 'small'))
      else socket.write(Buffer.concat([Buffer.from(headOf(700_000)), CONTENT.subarray(0, 700_000)]))
    })
    const { get } = openPlain(t)
    for (let round = 0; round < 5; round += 1) {
      const large = await get(server.url).reply
      for (let at = 0; at < 5; at += 1) assert.equal(await readText(get(`${server.url}small`).reply), 'small')
      assertBytes(await readAll(large), CONTENT.subarray(0, 700_000))
    }
    // One for the large body, while it has not come whole.
    assert.ok(server.mostConnections() <= 2, `${server.mostConnections()} connections`)
  })
})

/** Sends bytes one by one, a turn and so a packet each. */
async function dribble(socket: Socket, count: number): Promise<void> {
  socket.setNoDelay(true)
  for (let at = 0; at < count && !socket.destroyed; at += 1) {
    socket.write('x')
    await turns(1)
  }
}

describe('a body in crumbs', () => {
  test('is given up once they are many', async (t) => {
    const server = await startRawServer(t, (socket) => {
      socket.write(headOf(1 << 20))
      void dribble(socket, 20_000)
    })
    const { get } = openPlain(t)
    const asked = get(server.url)
    const { bytes, error } = await readOut(await asked.reply)
    assert.match(error?.message ?? '', /^given up, as 8192 pieces had \d+ bytes$/)
    assert.ok(bytes.length >= 8_192, `${bytes.length} bytes`)
    assert.ok(bytes.every((byte) => byte === 0x78))
    assert.equal(asked.ends(), 1)
    await server.waitForConnections(0)
  })

  test('is read while they are few', async (t) => {
    const server = await startRawServer(t, (socket) => {
      socket.write(headOf(2_000))
      void dribble(socket, 2_000)
    })
    const { get } = openPlain(t)
    assert.equal(await readText(get(server.url).reply), 'x'.repeat(2_000))
  })
})

/**
 * The least that a server in Node does for a file: `main.ts DIRECTORY PORT` reads it once, and from then on writes a head that is ready and its
 * bytes for whatever comes. It looks for one header, checks nothing, counts nothing and cannot be trusted with a network.
 */
import { readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'

import { SharedReads } from '../../../src/http/fast/shared-reads.ts'
import { SmallWrites } from '../../../src/http/fast/small-writes.ts'

const [root = '.', port = '0'] = process.argv.slice(2)

interface Answer {
  /** Its head on a connection that goes on, and on one that ends. */
  readonly alive: Buffer
  readonly last: Buffer
  readonly body: Buffer
}

const answers = new Map<string, Answer>()
const writes = new SmallWrites()

const reads = new SharedReads((socket: Socket, bytes, count) => {
  const text = bytes.toString('latin1', 0, count)
  const target = text.slice('GET '.length, text.indexOf(' HTTP/1.1\r\n'))
  const isLast = text.includes('Connection: close')
  const { alive, last, body } = answers.get(target) ?? prepare(target)
  writes.write(socket, isLast ? last : alive, body)
  if (isLast) socket.destroySoon()
})

function prepare(target: string): Answer {
  const body = readFileSync(join(root, target))
  const lines = [
    'HTTP/1.1 200 OK',
    'Content-Type: application/x-rpm',
    `Content-Length: ${body.length}`,
    `Date: ${new Date().toUTCString()}`,
    'Connection: ',
  ]
  const start = lines.join('\r\n')
  const answer = {
    alive: Buffer.from(`${start}keep-alive\r\n\r\n`),
    last: Buffer.from(`${start}close\r\n\r\n`),
    body,
  }
  answers.set(target, answer)
  return answer
}

createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => undefined)
  if (!reads.begin(socket)) socket.destroy()
}).listen(Number(port), '127.0.0.1')

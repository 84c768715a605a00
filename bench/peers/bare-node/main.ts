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
  readonly head: Buffer
  readonly body: Buffer
}

const answers = new Map<string, Answer>()
const writes = new SmallWrites()

const reads = new SharedReads((socket: Socket, bytes, count) => {
  const text = bytes.toString('latin1', 0, count)
  const target = text.slice('GET '.length, text.indexOf(' HTTP/1.1\r\n'))
  const { head, body } = answers.get(target) ?? prepare(target)
  writes.write(socket, head, body)
  if (text.includes('Connection: close')) socket.destroySoon()
})

function prepare(target: string): Answer {
  const body = readFileSync(join(root, target))
  const lines = [
    'HTTP/1.1 200 OK',
    'Content-Type: application/x-rpm',
    `Content-Length: ${body.length}`,
    `Date: ${new Date().toUTCString()}`,
    'Connection: keep-alive',
  ]
  const answer = { head: Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body }
  answers.set(target, answer)
  return answer
}

createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => undefined)
  if (!reads.begin(socket)) socket.destroy()
}).listen(Number(port), '127.0.0.1')

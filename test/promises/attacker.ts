/**
 * A process of clients that mean no good: `node attacker.ts KIND PORT COUNT TARGET`. Says `ready` when all of them are at it, and goes on
 * until SIGTERM ends it; then it says how often they have asked.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const [, , kind = '', port = '', count = '', target = ''] = process.argv

const RANGES = Array.from({ length: 256 }, (_, index) => `${index * 64}-${index * 64 + 9}`).join(',')
const OVERLAPPING = Array.from({ length: 500 }, (_, index) => `${index}-`).join(',')

let asked = 0

/** What each client does once it is connected; those that come back do it again when they have been answered. */
const KINDS: Readonly<Record<string, (socket: Socket) => unknown>> = {
  idle: () => undefined,
  'half a head': (socket) => socket.write(`GET ${target} HTTP/1.1\r\nHost: h\r\nX-Slow: `),
  'no reading': (socket) => ask(socket.pause(), ''),
  'a byte a second': (socket) => {
    socket.pause()
    ask(socket, '')
    setInterval(() => socket.read(1), 1_000)
  },
  pipelining: (socket) => socket.pause().write(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`.repeat(200)),
  '256 ranges': (socket) => repeat(socket, `Range: bytes=${RANGES}\r\n`),
  'HEAD of a cold package': (socket) => repeatHead(socket),
  'what is not there': (socket) => repeat(socket, ''),
  'a head too large': (socket) =>
    comeBack(socket, `GET ${target} HTTP/1.1\r\nHost: h\r\nX-Large: ${'x'.repeat(60_000)}\r\n\r\n`),
  smuggling: (socket) =>
    comeBack(
      socket,
      `GET ${target} HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n`,
    ),
  'overlapping ranges': (socket) => repeat(socket, `Range: bytes=${OVERLAPPING}\r\n`),
}

function ask(socket: Socket, header: string): void {
  asked += 1
  socket.write(`GET ${target} HTTP/1.1\r\nHost: h\r\n${header}\r\n`)
}

/** Asks again as soon as an answer is over. */
function repeat(socket: Socket, header: string): void {
  let left = -1
  socket.on('data', (chunk: Buffer) => {
    const head = left < 0 ? chunk.indexOf('\r\n\r\n') : -1
    if (left < 0) left = Number(/Content-Length: (\d+)/.exec(chunk.toString('latin1'))?.[1])
    left -= head < 0 ? chunk.length : chunk.length - head - 4
    if (left > 0) return
    left = -1
    setTimeout(ask, 5, socket, header)
  })
  ask(socket, header)
}

/** Asks for a head again as soon as it is there. */
function repeatHead(socket: Socket): void {
  const head = `HEAD ${target} HTTP/1.1\r\nHost: h\r\n\r\n`
  const askForHead = () => {
    asked += 1
    socket.write(head)
  }
  socket.on('data', (chunk: Buffer) => {
    if (chunk.includes('\r\n\r\n')) setTimeout(askForHead, 5)
  })
  askForHead()
}

/** Says something that ends the connection, and comes again. */
function comeBack(socket: Socket, text: string): void {
  asked += 1
  socket.resume().write(text)
  socket.once('close', () =>
    setTimeout(() => {
      const next = connect(Number(port), '127.0.0.1', () => comeBack(next, text))
      next.on('error', () => undefined)
    }, 5),
  )
}

process.once('SIGTERM', () => process.stdout.write(`${asked}\n`, () => process.exit()))

const attack = KINDS[kind]
if (attack === undefined) throw new Error(`no such kind: ${kind}`)
for (let number = 0; number < Number(count); number += 1) {
  const socket = connect(Number(port), '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  attack(socket)
}
process.stdout.write('ready\n')
setInterval(() => undefined, 60_000)

/**
 * Preloaded into every test process and its Node children (`node --import`): a TCP connection to anything but this machine's
 * loopback throws, so that no test passes, or fails, because of what the network holds. Names of `.test` (RFC 6761) are nobody's: a test
 * that uses them resolves them itself.
 */
import { Socket } from 'node:net'

const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1', 'localhost', '', undefined])

type Connect = (this: Socket, ...args: unknown[]) => Socket

/** Thrown by a connection attempt that would leave the machine; `code` is what an unplugged network gives. */
class NetworkRefused extends Error {
  readonly code = 'ENETUNREACH'
  constructor(destination: string) {
    super(`a test tried to reach the network: ${destination}`)
    this.name = 'NetworkRefused'
  }
}

// oxlint-disable-next-line unbound-method -- it is called with the socket as `this`
const connect = Socket.prototype.connect as Connect

function guardedConnect(this: Socket, ...args: unknown[]): Socket {
  const { host, port, path } = destination(args)
  if (path === undefined && !LOOPBACK.has(host) && host?.endsWith('.test') !== true)
    throw new NetworkRefused(`${host}:${port}`)
  return connect.apply(this, args)
}

Socket.prototype.connect = guardedConnect

interface Destination {
  host?: string
  port?: number | string
  path?: string
}

/** Reads the forms of Socket.connect: (options), (port, host), (path), and the array that node's own modules pass. */
function destination(args: readonly unknown[]): Destination {
  const [first, second] = args
  if (Array.isArray(first)) return destination(first)
  if (typeof first === 'object' && first !== null) return first
  if (typeof first === 'string' && Number.isNaN(Number(first))) return { path: first }
  const port = Number(first)
  return typeof second === 'string' ? { host: second, port } : { port }
}

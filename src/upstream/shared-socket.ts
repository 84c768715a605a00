import { Socket } from 'node:net'
import type { buildConnector } from 'undici'

import { readInto } from '../system/read-fields.ts'
import { loadUndici } from './undici-parts.ts'

/** A connector whose sockets, where they speak http/1.1, all read into one piece of memory. */
export function sharingReads(connect: buildConnector.connector, memory: Buffer): buildConnector.connector {
  return (options, callback) =>
    connect(options, (error, socket) => {
      if (error !== null) return callback(error, null)
      const isH2 = 'alpnProtocol' in socket && socket.alpnProtocol === 'h2'
      if (!isH2 && socket.readableLength === 0) shareReads(socket, memory)
      callback(null, socket)
    })
}

/**
 * Has a socket read into memory that is used again, for undici's parser, which copies what it is given at once, headers as soon as their head is whole,
 * and whose bodies are read by {@link sendRequest}, which does so as well. It is told by 'readable', and reads until there is nothing more, or it has
 * been paused; what it leaves is kept for it, and nothing more is read before it comes back.
 * @param come what was read before, which it gets first
 */
export function shareReads(socket: Socket, memory: Buffer, come?: Buffer): void {
  const read = (size?: number): unknown => Socket.prototype.read.call(socket, size)
  const { kParser } = loadUndici()
  const owner = socket as unknown as Record<symbol, Parser | null | undefined>
  const readOn = () => Socket.prototype._read.call(socket, 0)
  let left = come
  const isOn = readInto(socket, memory, (count) => {
    const bytes = memory.subarray(0, count)
    // TLS goes on with what it has, though it is to stop.
    left = left === undefined ? bytes : Buffer.concat([left, bytes])
    socket.emit('readable')
    keepHeaders(owner[kParser], memory)
    // The next read, of whatever socket, goes into the same memory.
    if (left?.buffer === memory.buffer) left = Buffer.from(left)
    return left === undefined
  })
  if (!isOn) return
  const readLeft = (size?: number): unknown => {
    if (size === 0) return read(0)
    const bytes = left
    left = undefined
    if (bytes !== undefined) return bytes
    readOn()
    return read()
  }
  const putBack = (bytes: Uint8Array): void => {
    if (bytes.length > 0) left = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }
  // Not as they stand: V8 makes a function that is assigned where it is written old from its birth, and what it refers to with it.
  socket.read = readLeft
  socket.unshift = putBack
}

/** What undici has its parser of a connection as: names and values are parts of what it was given until their head is whole. */
interface Parser {
  readonly headers?: Buffer[]
}

/** Copies headers whose head has not come whole: the next read, of whatever socket, goes into the memory that they lie in. */
function keepHeaders(parser: Parser | null | undefined, memory: Buffer): void {
  const headers = parser?.headers ?? []
  for (const [at, part] of headers.entries())
    if (part.buffer === memory.buffer) headers[at] = Buffer.from(part)
}

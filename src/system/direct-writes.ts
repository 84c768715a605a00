// Of a global, node looks up each time whether it was made yet.
import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'

/** What Node calls a write that is on its way; its sockets make one for each. */
interface WriteRequest {
  /** Told when the system has taken what it could not take at once; a number below zero is its error's. */
  oncomplete?: (status: number) => void
  /** What it has not taken yet stays in memory as long as this does. */
  bytes?: unknown
  /** A number of its own while it is on its way; else {@link NOT_ON_ITS_WAY}. */
  getAsyncId: () => number
}

/**
 * What is still to be written says less: of what is written in two steps the system may have taken all by the second one, and Node comes back to
 * the write in a later turn all the same. To use one again before that ends the process.
 */
const NOT_ON_ITS_WAY = -1

/** What is beneath a socket's stream, as far as it is written to. */
interface Handle {
  writeBuffer: (request: WriteRequest, bytes: Buffer) => number
  writev: (request: WriteRequest, pieces: readonly Buffer[], areBuffers: true) => number
}

/**
 * Writes to what is beneath a socket's stream, where this node has it: of the stream's own objects and calls, for a write that the system takes at
 * once, nothing is left to see, and they cost as much as reading a request.
 */
export class DirectWrites {
  /** Node's own kind, once a socket has made one. */
  #Request: (new () => WriteRequest) | undefined
  /** Used again as long as the system takes everything at once: until it does not, nobody keeps it. */
  #spare: WriteRequest | undefined

  /**
   * Writes one piece, or two in one call of the system. What is written later, by the stream as well, comes after it. A socket that cannot be
   * written to is destroyed.
   * @param pieces have to stay as they are until the system has taken them
   * @returns whether it has all of them by now
   */
  write(socket: Socket, pieces: Buffer | readonly [Buffer, Buffer]): boolean {
    const handle = (socket as { _handle?: Handle | null })._handle
    const request = (this.#spare ??= this.#Request && new this.#Request())
    if (request === undefined) return this.#writeByStream(socket, pieces, handle)
    // What the stream has not passed on comes first; and a socket that is destroyed has no handle, one of another kind maybe another one.
    if (socket.writableLength > 0 || handle?.writeBuffer === undefined) return writeByStream(socket, pieces)
    const error = Buffer.isBuffer(pieces)
      ? handle.writeBuffer(request, pieces)
      : handle.writev(request, pieces, true)
    if (error !== 0) {
      socket.destroy()
      return false
    }
    if (request.getAsyncId() === NOT_ON_ITS_WAY) return true
    this.#spare = undefined
    request.bytes = pieces
    request.oncomplete = (status) => {
      if (status < 0) socket.destroy()
    }
    return false
  }

  /** Has a stream write, and sees what kind of request it makes for that. */
  #writeByStream(socket: Socket, pieces: Buffer | readonly [Buffer, Buffer], handle: unknown): boolean {
    if (!canWrite(handle)) return writeByStream(socket, pieces)
    const see = (request: Partial<WriteRequest>) => {
      if (request.getAsyncId !== undefined) this.#Request ??= request.constructor as new () => WriteRequest
    }
    const { writeBuffer, writev } = handle
    handle.writeBuffer = (request, bytes) => {
      see(request)
      return writeBuffer.call(handle, request, bytes)
    }
    handle.writev = (request, chunks, areBuffers) => {
      see(request)
      return writev.call(handle, request, chunks, areBuffers)
    }
    try {
      return writeByStream(socket, pieces)
    } finally {
      // From here on it has again what all have.
      Reflect.deleteProperty(handle, 'writeBuffer')
      Reflect.deleteProperty(handle, 'writev')
    }
  }
}

function writeByStream(socket: Socket, pieces: Buffer | readonly [Buffer, Buffer]): boolean {
  if (Buffer.isBuffer(pieces)) socket.write(pieces)
  else {
    socket.cork()
    for (const piece of pieces) socket.write(piece)
    socket.uncork()
  }
  return socket.writableLength === 0 && !socket.destroyed
}

function canWrite(handle: unknown): handle is Handle {
  const { writeBuffer, writev } = (handle ?? {}) as Partial<Handle>
  return typeof writeBuffer === 'function' && typeof writev === 'function'
}

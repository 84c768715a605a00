import type { Socket } from 'node:net'

import { findReadFields, readInto } from '../../system/read-fields.ts'

/** More than a request of the simple form, and what node reads at most at once, in bytes. */
const READ_BYTES = 64 << 10

/** The first so many bytes of a buffer were read from a socket. They are valid during the call. */
export type OnBytes = (socket: Socket, bytes: Buffer, count: number) => void

/**
 * One piece of memory for what comes on many sockets, one read after the other. Node gives a socket that it has accepted 64 KiB for each
 * read, most of which go back, and the garbage collector has to hear of every one.
 */
export class SharedReads {
  readonly #memory = Buffer.allocUnsafeSlow(READ_BYTES)
  /** What the sockets call, as their method: one for all of them. */
  readonly #tell: (this: Socket, count: number) => boolean
  readonly #push: (this: Socket, count: number) => boolean

  /** @param onBytes told of what has come on any of them */
  constructor(onBytes: OnBytes) {
    const memory = this.#memory
    this.#tell = function tell(count) {
      onBytes(this, memory, count)
      return true
    }
    this.#push = function push(count) {
      return this.push(copyOf(memory, count))
    }
  }

  /**
   * Has what comes on a socket read into this memory.
   * @returns false when this node or this socket knows no such thing: then it comes by the event 'data' as ever
   */
  begin(socket: Socket): boolean {
    if (!readInto(socket, this.#memory, this.#tell)) return false
    socket.resume()
    return true
  }

  /** What comes from now on is the stream's again, unless somebody reads from the socket's handle before. */
  end(socket: Socket): void {
    const fields = findReadFields(socket)
    if (fields === undefined || Reflect.get(socket, fields.buffer) !== this.#memory) return
    Reflect.set(socket, fields.callback, this.#push)
  }
}

/** What lies in a buffer that is used again. */
export function copyOf(bytes: Buffer, count: number): Buffer {
  return Buffer.from(bytes.subarray(0, count))
}

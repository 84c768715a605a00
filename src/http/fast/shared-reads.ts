import type { Socket } from 'node:net'

import { findReadFields, readInto } from '../../system/read-fields.ts'

/** More than a request of the simple form, and what node reads at most at once, in bytes. */
const READ_BYTES = 64 << 10

/** The first so many bytes of a buffer were read. They are valid during the call. */
export type OnBytes = (bytes: Buffer, count: number) => void

/**
 * One piece of memory for what comes on many sockets, one read after the other. Node gives a socket that it has accepted 64 KiB for each
 * read, most of which go back, and the garbage collector has to hear of every one.
 */
export class SharedReads {
  readonly #memory = Buffer.allocUnsafeSlow(READ_BYTES)

  /**
   * Has what comes on a socket read into this memory.
   * @returns false when this node or this socket knows no such thing: then it comes by the event 'data' as ever
   */
  begin(socket: Socket, onBytes: OnBytes): boolean {
    if (!readInto(socket, this.#memory, this.#callback(onBytes))) return false
    socket.resume()
    return true
  }

  /** What comes from now on is the stream's again, unless somebody reads from the socket's handle before. */
  end(socket: Socket): void {
    const fields = findReadFields(socket)
    if (fields === undefined || Reflect.get(socket, fields.buffer) !== this.#memory) return
    const push = this.#callback((bytes, count) => socket.push(Buffer.from(bytes.subarray(0, count))))
    Reflect.set(socket, fields.callback, push)
  }

  #callback(onBytes: (bytes: Buffer, count: number) => unknown): (count: number) => boolean {
    return (count) => onBytes(this.#memory, count) !== false
  }
}

/** What lies in a buffer that is used again. */
export function copyOf(bytes: Buffer, count: number): Buffer {
  return Buffer.from(bytes.subarray(0, count))
}

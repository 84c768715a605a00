import type { Socket } from 'node:net'

/** A head and a body of no more bytes together are copied into one piece: the system takes one sooner than two. */
const SMALL_BYTES = 16 << 10

/** Writes heads and bodies together. */
export class SmallWrites {
  #memory = Buffer.allocUnsafeSlow(SMALL_BYTES)

  /** Writes both. The body has to stay as it is until the socket is done with it, the head always. */
  write(socket: Socket, head: Buffer, body: Buffer): void {
    const bytes = head.length + body.length
    if (body.length === 0) socket.write(head)
    else if (bytes > SMALL_BYTES) {
      socket.cork()
      socket.write(head)
      socket.write(body)
      socket.uncork()
    } else {
      const memory = this.#memory
      memory.set(head)
      memory.set(body, head.length)
      socket.write(memory.subarray(0, bytes))
      // The kernel has not taken it all: the rest lies there until it does.
      if (socket.writableLength > 0) this.#memory = Buffer.allocUnsafeSlow(SMALL_BYTES)
    }
  }
}

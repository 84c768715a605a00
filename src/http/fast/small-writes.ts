import type { Socket } from 'node:net'

import { DirectWrites } from '../../system/direct-writes.ts'

/** A head and a body of no more bytes together are copied into one piece: the system takes one sooner than two. */
const SMALL_BYTES = 16 << 10

/** Writes heads and bodies together. */
export class SmallWrites {
  readonly #writes = new DirectWrites()
  #memory = Buffer.allocUnsafeSlow(SMALL_BYTES)

  /**
   * Writes both. The body has to stay as it is until the socket is done with it, the head always.
   * @returns whether the kernel has all of it by now; not when the socket is destroyed
   */
  write(socket: Socket, head: Buffer, body: Buffer): boolean {
    const bytes = head.length + body.length
    if (body.length === 0) return this.#writes.write(socket, head)
    if (bytes > SMALL_BYTES) return this.#writes.write(socket, [head, body])
    const memory = this.#memory
    memory.set(head)
    memory.set(body, head.length)
    const isTaken = this.#writes.write(socket, memory.subarray(0, bytes))
    // The rest lies there until it is.
    if (!isTaken) this.#memory = Buffer.allocUnsafeSlow(SMALL_BYTES)
    return isTaken
  }

  /** Writes what goes on, as {@link write} does. */
  goOn(socket: Socket, bytes: Buffer): boolean {
    return this.#writes.write(socket, bytes)
  }
}

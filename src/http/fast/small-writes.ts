import type { Socket } from 'node:net'

import { DirectWrites } from '../../system/direct-writes.ts'

/** A head and a body of no more bytes together are copied into one piece: the system takes one sooner than two. */
const SMALL_BYTES = 16 << 10

/** Views of the piece that are kept, each in the place that its length tells: what is hot has few lengths, and a view is as much garbage as a request. */
const VIEWS = 64

/** Writes heads and bodies together. */
export class SmallWrites {
  readonly #writes = new DirectWrites()
  #memory = Buffer.allocUnsafeSlow(SMALL_BYTES)
  #views: (Buffer | undefined)[] = Array.from({ length: VIEWS })

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
    const isTaken = this.#writes.write(socket, this.#viewOf(bytes))
    // The rest lies there until it is.
    if (!isTaken) this.#renew()
    return isTaken
  }

  /** Writes what goes on, as {@link write} does. */
  goOn(socket: Socket, bytes: Buffer): boolean {
    return this.#writes.write(socket, bytes)
  }

  #viewOf(bytes: number): Buffer {
    const known = this.#views[bytes % VIEWS]
    if (known?.length === bytes) return known
    return (this.#views[bytes % VIEWS] = this.#memory.subarray(0, bytes))
  }

  #renew(): void {
    this.#memory = Buffer.allocUnsafeSlow(SMALL_BYTES)
    this.#views.fill(undefined)
  }
}

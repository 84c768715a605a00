import type { Socket } from 'node:net'

/** Of what is in memory so much goes to the kernel at a time, in bytes. */
export const PIECE_BYTES = 256 << 10

const NOTHING = Buffer.alloc(0)

/** Writes what is longer than the kernel takes at once. */
export class SlowWrites {
  readonly #socket: Socket
  #wake: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /**
   * Sends the rest of what is in memory a piece at a time, each when the kernel has the one before.
   * @param sent so many bytes of it are on their way
   * @param onTaken told how many the kernel has taken so far, until that is all
   */
  sendRest(bytes: Buffer, sent: number, onTaken: (count: number) => void): void {
    const socket = this.#socket
    let count = sent
    const goOn = () => {
      if (socket.destroyed) return
      onTaken(count)
      if (count === bytes.length) return
      const piece = bytes.subarray(count, count + PIECE_BYTES)
      count += piece.length
      socket.write(piece, goOn)
    }
    // Called when all before it is written.
    socket.write(NOTHING, goOn)
  }

  /** Waits until the kernel has the bytes, so that their buffer can be used again; false when the connection is gone. @param head what goes before them */
  async write(chunk: Buffer, head?: Buffer): Promise<boolean> {
    const socket = this.#socket
    if (socket.destroyed) return false
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      // Both in one call of the system.
      if (head !== undefined) {
        socket.cork()
        socket.write(head)
      }
      socket.write(chunk, () => resolve())
      if (head !== undefined) socket.uncork()
    })
    this.#wake = undefined
    return !socket.destroyed
  }

  /** The connection is gone: nobody is to wait for it. */
  stop(): void {
    this.#wake?.()
  }
}

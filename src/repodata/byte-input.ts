/** A source of bytes that can be read a piece at a time, looked ahead in, and given bytes back. */
export class ByteInput {
  /** What the source itself threw: its error, and no sign of what is wrong with its bytes. */
  failure: { readonly thrown: unknown } | undefined
  readonly #iterator: AsyncIterator<Buffer>
  #returned: Buffer[] = []

  constructor(source: AsyncIterable<Buffer>) {
    this.#iterator = source[Symbol.asyncIterator]()
  }

  /** The next piece, never empty; undefined at the end. */
  async read(): Promise<Buffer | undefined> {
    const returned = this.#returned.pop()
    if (returned !== undefined) return returned
    try {
      for (;;) {
        const { done, value } = await this.#iterator.next()
        if (done) return undefined
        if (value.length > 0) return value
      }
    } catch (thrown) {
      this.failure = { thrown }
      throw thrown
    }
  }

  /** Gives bytes back: they are read next. */
  unread(bytes: Buffer): void {
    if (bytes.length > 0) this.#returned.push(bytes)
  }

  /** The next bytes, without taking them: as many as asked for, fewer only at the end. */
  async peek(length: number): Promise<Buffer> {
    let head: Buffer = Buffer.alloc(0)
    while (head.length < length) {
      const piece = await this.read()
      if (piece === undefined) break
      head = head.length === 0 ? piece : Buffer.concat([head, piece])
    }
    this.unread(head)
    return head.subarray(0, length)
  }

  /** Tells the source that nothing more is wanted. */
  async close(): Promise<void> {
    await this.#iterator.return?.()
  }
}

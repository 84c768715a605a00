/**
 * So many pieces of a body, and as many bytes of each on average at least. A server that sends its body in chunks (RFC 9112, section 7.1), frames or
 * packets of a byte has everybody wait for whoever takes them apart: each costs a thousand times what its byte does.
 */
const PIECES = 8_192
const MIN_PIECE_BYTES = 32

/** Sees whether a body comes in pieces that are not worth their cost. */
export class Crumbs {
  #pieces = 0
  #bytes = 0

  /** Takes note of a piece. @returns why the body is to be given up, if it is */
  note(bytes: number): Error | undefined {
    this.#pieces += 1
    this.#bytes += bytes
    if (this.#pieces < PIECES) return undefined
    const found = this.#bytes
    this.#pieces = 0
    this.#bytes = 0
    return found < PIECES * MIN_PIECE_BYTES
      ? new Error(`given up, as ${PIECES} pieces had ${found} bytes`)
      : undefined
  }
}

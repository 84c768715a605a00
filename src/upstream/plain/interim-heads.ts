import { MAX_INTERIM, tooManyInterim } from '../send-request.ts'
import { findHeadEnd, isContinue, isInterim, isInterimHead, MAX_HEAD_BYTES } from './reply-head.ts'

/**
 * Passes over the answers that may come before the real one, unasked (RFC 9110, section 15.2). undici does so as well, but takes 100 Continue for the end
 * of the connection: what begins with that is not handed over.
 */
export class InterimHeads {
  #count = 0
  /** Of a 100 Continue that has not come whole. */
  #held: Buffer | undefined

  /**
   * Takes what has come.
   * @param bytes valid during the call
   * @returns what comes behind interim answers of the simple form, undefined while there is nothing
   * @throws SocketError for more of them than anybody needs
   */
  pass(bytes: Buffer): Buffer | undefined {
    let left = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes])
    this.#held = undefined
    while (isInterim(left)) {
      const end = findHeadEnd(left, left.length)
      if (end < 0) return this.#hold(left)
      if (!isInterimHead(left, end)) return left
      this.#count += 1
      if (this.#count > MAX_INTERIM) throw tooManyInterim()
      left = left.subarray(end)
    }
    return left.length === 0 ? undefined : left
  }

  #hold(bytes: Buffer): Buffer | undefined {
    if (!isContinue(bytes) || bytes.length >= MAX_HEAD_BYTES) return bytes
    this.#held = Buffer.from(bytes)
    return undefined
  }
}

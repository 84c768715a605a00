import type { IncomingMessage } from 'node:http'

import { PinyonError } from '../model/errors.ts'
import type { Exchange } from './exchange.ts'

/** The largest body of any request, in bytes: a redhat.repo of 8,000 repositories, of which a host that is entitled to everything has 5,000. */
export const LARGEST_BODY_BYTES = 4 << 20
/**
 * A body that is too large is read on to its end, and dropped, up to so many bytes: a client that is still sending would see a connection reset in
 * place of the answer.
 */
const DROPPED_MAX_BYTES = 16 << 20

/** Sets aside memory for so many bytes. Throws PinyonError TOO_BUSY when there is none. */
export type Take = (bytes: number) => void

/** How much of a body is taken. */
export interface BodyLimits {
  readonly maxBytes: number
  /** Asked before bytes are kept. */
  readonly take?: Take
}

/**
 * All of a body. Beyond the limit nothing is kept.
 * @throws PinyonError BODY_TOO_LARGE, BODY_REFUSED for one that ended early, and what `take` throws
 */
export function readBody(request: IncomingMessage, { maxBytes, take }: BodyLimits): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const tooLarge = new PinyonError('BODY_TOO_LARGE', `a body has at most ${maxBytes} bytes`)
  const announced = Number(request.headers['content-length'] ?? 0)
  // Who waits for leave to send it is told at once.
  if (announced > LARGEST_BODY_BYTES && request.headers.expect !== undefined) return Promise.reject(tooLarge)
  if (announced > DROPPED_MAX_BYTES) return Promise.reject(tooLarge)
  let chunks: Buffer[] = []
  let size = 0
  request.on('data', (chunk: Buffer) => {
    size += chunk.length
    try {
      if (size <= maxBytes) take?.(chunk.length)
    } catch (error) {
      reject(error)
    }
    if (size <= maxBytes) chunks.push(chunk)
    else chunks = []
    if (size > DROPPED_MAX_BYTES) reject(tooLarge)
  })
  request.once('end', () => (size > maxBytes ? reject(tooLarge) : resolve(Buffer.concat(chunks))))
  request.once('error', () => undefined)
  request.once('close', () => reject(new PinyonError('BODY_REFUSED', 'the body is refused: it ended early')))
  return promise
}

/** Memory that bodies of all connections share, and what injections make of them, so that a thousand slow clients hold no more than this. */
export class BodyMemory {
  #free: number

  /** @param bytes how many there are */
  constructor(bytes: number) {
    this.#free = bytes
  }

  /** Bytes that nobody holds. */
  get free(): number {
    return this.#free
  }

  /** Gives what takes memory for one exchange; it is given back when that has ended, however it does. */
  lend({ response }: Exchange): Take {
    let taken = 0
    let ended = response.destroyed
    response.once('close', () => {
      ended = true
      this.#free += taken
    })
    return (bytes) => {
      if (ended) return
      if (bytes > this.#free)
        throw new PinyonError(
          'TOO_BUSY',
          'too many bodies are being received: there is no memory for another',
        )
      this.#free -= bytes
      taken += bytes
    }
  }
}

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Random } from '../support/random.ts'

/** As a stream would bring them, one in a turn of the event loop every now and then. */
export async function* stream(pieces: Iterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let count = 0
  for (const piece of pieces) {
    if (count++ % 64 === 0) await nextTurn()
    yield piece
  }
}

/** The bytes in pieces of this many. */
export function everyBytes(bytes: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size))
  return pieces
}

/** The bytes whole, in single bytes, or cut at random. */
export function randomPieces(bytes: Buffer, random: Random): Buffer[] {
  if (random.once(4)) return [bytes]
  if (random.once(40)) return everyBytes(bytes, 1)
  const longest = random.pick([30, 300, 3000])
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += pieces.at(-1)?.length ?? 0) {
    pieces.push(bytes.subarray(at, at + 1 + random.below(longest)))
  }
  return pieces
}

/** All that a stream brings. */
export async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks))
}

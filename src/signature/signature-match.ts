import { createHash } from 'node:crypto'

import { PinyonError } from '../model/errors.ts'
import { hashName } from './algorithms.ts'
import type { SignaturePacket } from './signature-packet.ts'
import { readDetached } from './verify.ts'

/**
 * Whether a detached signature can be one of these bytes, told without any key by the two bytes of the hash that it carries; that nobody else
 * made it is for whoever has the key to say.
 * @param signature armoured or not
 * @returns false when it is certainly of other bytes; undefined when it cannot be told: no signature of a known kind
 */
export function matchesSignature(bytes: Uint8Array, signature: Buffer): boolean | undefined {
  const found = readPackets(signature).map((packet) => matches(bytes, packet))
  if (found.includes(true)) return true
  return found.length > 0 && found.every((one) => one === false) ? false : undefined
}

function readPackets(signature: Buffer): readonly SignaturePacket[] {
  try {
    return readDetached(signature)
  } catch (error) {
    if (error instanceof PinyonError) return []
    throw error
  }
}

/** Of a signature of text, programs differ in what they take for that. */
function matches(bytes: Uint8Array, packet: SignaturePacket): boolean | undefined {
  const algorithm = hashName(packet.hashAlgorithm)
  if (algorithm === undefined || packet.type !== 0) return undefined
  const hash = createHash(algorithm).update(packet.salt).update(bytes).update(packet.trailer).digest()
  return packet.left.equals(hash.subarray(0, 2))
}

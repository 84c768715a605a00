import { malformed } from './malformed.ts'

/** One OpenPGP packet (RFC 9580, section 4). */
export interface Packet {
  readonly tag: number
  readonly body: Buffer
  /** Header and body. */
  readonly whole: Buffer
}

/** Packet types by their names (section 5). */
export const TAG = { signature: 2, secretKey: 5, publicKey: 6, secretSubkey: 7, publicSubkey: 14 } as const

/** A key that thousands have certified has so many. */
const MAX_PACKETS = 20_000

/**
 * Splits bytes into packets. Packets of unknown length, which neither keys nor signatures are, end at the end at most.
 * @throws PinyonError SIGNATURE_MALFORMED for what is cut short or no packet
 */
export function readPackets(bytes: Buffer): Packet[] {
  const packets: Packet[] = []
  for (let at = 0; at < bytes.length;) {
    if (packets.length === MAX_PACKETS) throw malformed('more packets than', MAX_PACKETS)
    const { tag, start, length } = readHeader(bytes, at)
    const end = start + length
    if (end > bytes.length) throw malformed(`a packet of ${length} bytes, cut short to`, bytes.length - start)
    packets.push({ tag, body: bytes.subarray(start, end), whole: bytes.subarray(at, end) })
    at = end
  }
  return packets
}

function readHeader(bytes: Buffer, at: number): { tag: number; start: number; length: number } {
  const first = bytes[at] ?? 0
  if ((first & 0x80) === 0) throw malformed('no OpenPGP packet begins with', `0x${first.toString(16)}`)
  if ((first & 0x40) === 0) return readOldHeader(bytes, at, first)
  const tag = first & 0x3f
  const octet = readNumber(bytes, at + 1, 1)
  if (octet < 192) return { tag, start: at + 2, length: octet }
  if (octet < 224)
    return { tag, start: at + 3, length: ((octet - 192) << 8) + readNumber(bytes, at + 2, 1) + 192 }
  if (octet < 255) throw malformed('a packet in pieces, of type', tag)
  return { tag, start: at + 6, length: readNumber(bytes, at + 2, 4) }
}

/** Section 4.2.2. */
function readOldHeader(
  bytes: Buffer,
  at: number,
  first: number,
): { tag: number; start: number; length: number } {
  const tag = (first >> 2) & 0x0f
  const size = [1, 2, 4][first & 3]
  if (size === undefined) return { tag, start: at + 1, length: bytes.length - at - 1 }
  return { tag, start: at + 1 + size, length: readNumber(bytes, at + 1, size) }
}

/**
 * A big-endian number of up to six bytes.
 * @throws PinyonError SIGNATURE_MALFORMED where the bytes end before it does
 */
export function readNumber(bytes: Buffer, at: number, size: number): number {
  if (at + size > bytes.length) throw malformed('bytes end within a number, at', bytes.length)
  return bytes.readUIntBE(at, size)
}

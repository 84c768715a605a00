import { createHash } from 'node:crypto'

// A detached OpenPGP signature (RFC 9580) carries the first two bytes of the hash that was signed. They tell, without any key, of another
// file's signature; that nobody else made it is for whoever has the key to say.

/** Hash algorithms by their OpenPGP numbers. */
const HASHES: Readonly<Record<number, string>> = {
  2: 'sha1',
  8: 'sha256',
  9: 'sha384',
  10: 'sha512',
  11: 'sha224',
}

const SIGNATURE_TAG = 2
/** Of bytes as they are. Of text, programs differ in what they take for it. */
const BINARY_TYPE = 0
/** Signatures of one file looked at: repositories have one, seldom two. */
const MAX_SIGNATURES = 16

/**
 * Whether a detached signature can be one of these bytes.
 * @param signature armoured or not
 * @returns false when it is certainly of other bytes; undefined when it cannot be told: no signature of a known kind
 */
export function matchesSignature(bytes: Uint8Array, signature: Buffer): boolean | undefined {
  const found = readSignatures(removeArmor(signature)).map((one) => matches(bytes, one))
  if (found.includes(true)) return true
  return found.length > 0 && found.every((one) => one === false) ? false : undefined
}

/** The packets of a block of armour (section 6.2); bytes that are none as they are. */
function removeArmor(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1')
  const block = /-----BEGIN PGP SIGNATURE-----[^\n]*\n(.*?)-----END PGP SIGNATURE-----/s.exec(text)?.[1]
  if (block === undefined) return bytes
  const lines = block.split(/\r?\n/)
  // Headers end with an empty line; old checksums begin with "=".
  const body = lines.slice(lines.findIndex((line) => line.trim() === '') + 1)
  return Buffer.from(body.filter((line) => !line.startsWith('=')).join(''), 'base64')
}

/** The bodies of all signature packets, in their order; what cannot be read ends them. */
function readSignatures(packets: Buffer): Buffer[] {
  const bodies: Buffer[] = []
  for (let at = 0; at < packets.length && bodies.length < MAX_SIGNATURES;) {
    const header = readHeader(packets, at)
    if (header === undefined) break
    const { tag, start, length } = header
    if (tag === SIGNATURE_TAG) bodies.push(packets.subarray(start, start + length))
    at = start + length
  }
  return bodies
}

/** A packet's header (section 4.2) of whole packets of a stated length. */
function readHeader(packets: Buffer, at: number): { tag: number; start: number; length: number } | undefined {
  const first = packets[at] ?? 0
  const second = packets[at + 1] ?? 0
  if ((first & 0x80) === 0) return undefined
  const isNew = (first & 0x40) !== 0
  const tag = isNew ? first & 0x3f : (first >> 2) & 0x0f
  const [headerBytes, length] = isNew ? newLength(packets, at + 1, second) : oldLength(packets, at + 1, first)
  const start = at + 1 + headerBytes
  return length < 0 || start + length > packets.length ? undefined : { tag, start, length }
}

function newLength(packets: Buffer, at: number, first: number): [bytes: number, length: number] {
  if (first < 192) return [1, first]
  if (first < 224) return [2, ((first - 192) << 8) + (packets[at + 1] ?? 0) + 192]
  return first === 255 ? [5, readNumber(packets, at + 1, 4)] : [1, -1]
}

function oldLength(packets: Buffer, at: number, first: number): [bytes: number, length: number] {
  const bytes = [1, 2, 4][first & 3]
  return bytes === undefined ? [0, packets.length - at] : [bytes, readNumber(packets, at, bytes)]
}

/** A big-endian number; negative where the bytes end before it does. */
function readNumber(bytes: Buffer, at: number, size: number): number {
  return at + size <= bytes.length ? bytes.readUIntBE(at, size) : -1
}

interface Signed {
  readonly type: number
  readonly hash: number
  /** What is hashed before and after the signed bytes. */
  readonly salt: Buffer
  readonly trailer: Buffer
  /** The first two bytes of the hash. */
  readonly left: Buffer
}

function matches(bytes: Uint8Array, packet: Buffer): boolean | undefined {
  const signed = readSigned(packet)
  const algorithm = HASHES[signed?.hash ?? 0]
  if (signed === undefined || algorithm === undefined || signed.type !== BINARY_TYPE) return undefined
  const hash = createHash(algorithm).update(signed.salt).update(bytes).update(signed.trailer).digest()
  return signed.left.equals(hash.subarray(0, 2))
}

/** Versions 3, 4 and 6 (sections 5.2.2, 5.2.3 and 5.2.4); undefined for any other, or one that is cut short. */
function readSigned(packet: Buffer): Signed | undefined {
  const version = packet[0]
  if (version === 3) return readVersion3(packet)
  if (version !== 4 && version !== 6) return undefined
  const counted = version === 4 ? 2 : 4
  const hashedLength = readNumber(packet, 4, counted)
  const hashedEnd = 4 + counted + hashedLength
  const unhashedLength = readNumber(packet, hashedEnd, counted)
  if (hashedLength < 0 || unhashedLength < 0) return undefined
  const leftAt = hashedEnd + counted + unhashedLength
  const saltSize = version === 6 ? (packet[leftAt + 2] ?? 0) : 0
  const length = Buffer.alloc(4)
  length.writeUInt32BE(hashedEnd)
  return {
    type: packet[1] ?? -1,
    hash: packet[3] ?? 0,
    salt: packet.subarray(leftAt + 3, leftAt + 3 + saltSize),
    trailer: Buffer.concat([packet.subarray(0, hashedEnd), Buffer.from([version, 0xff]), length]),
    left: packet.subarray(leftAt, leftAt + 2),
  }
}

/** Fixed fields: version, the number 5, type, four bytes of time, eight of the key, its algorithm, the hash's. */
function readVersion3(packet: Buffer): Signed | undefined {
  if (packet[1] !== 5) return undefined
  return {
    type: packet[2] ?? -1,
    hash: packet[16] ?? 0,
    salt: Buffer.alloc(0),
    trailer: packet.subarray(2, 7),
    left: packet.subarray(17, 19),
  }
}

import { malformed } from './malformed.ts'
import { readNumber } from './packets.ts'

/** What a signature says of itself (RFC 9580, section 5.2); none of it is to be believed before it has been verified. */
export interface SignaturePacket {
  /** 0: of bytes as they are. */
  readonly type: number
  readonly keyAlgorithm: number
  readonly hashAlgorithm: number
  /** The key that made it: its fingerprint, or the 16 hex digits of its number. In upper case; undefined when it does not say. */
  readonly issuer: string | undefined
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly expiresAt: number | undefined
  /** What is hashed before and after the signed bytes. */
  readonly salt: Buffer
  readonly trailer: Buffer
  /** The first two bytes of the hash. */
  readonly left: Buffer
  /** The numbers that make the signature, as the algorithm has them. */
  readonly material: Buffer
  /** Something that must be understood and is not, in words; undefined when there is none. */
  readonly unknown: string | undefined
}

/**
 * Reads the body of a signature packet of version 3, 4 or 6. Version 3 is what the Open Build Service and older rpm make to this day.
 * @throws PinyonError SIGNATURE_MALFORMED
 */
export function parseSignature(body: Buffer): SignaturePacket {
  const version = readNumber(body, 0, 1)
  if (version === 3) return parseVersion3(body)
  if (version === 4 || version === 6) return parseVersion4(body, version)
  throw malformed('a signature of a version that is not known', version)
}

/** Fixed fields: version, the number 5, type, time, key, its algorithm, the hash's, the hash's first bytes. */
function parseVersion3(body: Buffer): SignaturePacket {
  if (readNumber(body, 1, 1) !== 5)
    throw malformed('a signature of version 3 that hashes bytes', body[1] ?? 0)
  return {
    type: readNumber(body, 2, 1),
    createdAt: readNumber(body, 3, 4) * 1000,
    issuer: readHex(body, 7, 8),
    keyAlgorithm: readNumber(body, 15, 1),
    hashAlgorithm: readNumber(body, 16, 1),
    left: readBytes(body, 17, 2),
    material: body.subarray(19),
    salt: Buffer.alloc(0),
    trailer: body.subarray(2, 7),
    expiresAt: undefined,
    unknown: undefined,
  }
}

function parseVersion4(body: Buffer, version: 4 | 6): SignaturePacket {
  const counted = version === 4 ? 2 : 4
  const hashedEnd = 4 + counted + readNumber(body, 4, counted)
  const unhashedAt = hashedEnd + counted
  const leftAt = unhashedAt + readNumber(body, hashedEnd, counted)
  const hashed = readSubpackets(body.subarray(4 + counted, hashedEnd))
  const unhashed = readSubpackets(body.subarray(unhashedAt, leftAt))
  const saltSize = version === 4 ? 0 : 1 + readNumber(body, leftAt + 2, 1)
  const created = find(hashed, SUBPACKET.created)
  if (created === undefined) throw malformed('a signature without its time, of version', version)
  const createdAt = readNumber(created, 0, 4) * 1000
  const lasts = find(hashed, SUBPACKET.expires)
  const lastsMs = lasts === undefined ? 0 : readNumber(lasts, 0, 4) * 1000
  const length = Buffer.alloc(4)
  length.writeUInt32BE(hashedEnd)
  return {
    type: readNumber(body, 1, 1),
    keyAlgorithm: readNumber(body, 2, 1),
    hashAlgorithm: readNumber(body, 3, 1),
    createdAt,
    expiresAt: lastsMs === 0 ? undefined : createdAt + lastsMs,
    issuer: readIssuer(hashed) ?? readIssuer(unhashed),
    salt: version === 4 ? Buffer.alloc(0) : readBytes(body, leftAt + 3, saltSize - 1),
    trailer: Buffer.concat([body.subarray(0, hashedEnd), Buffer.from([version, 0xff]), length]),
    left: readBytes(body, leftAt, 2),
    material: body.subarray(leftAt + 2 + saltSize),
    unknown: describeUnknown(hashed),
  }
}

const SUBPACKET = { created: 2, expires: 3, issuer: 16, notation: 20, fingerprint: 33 } as const
/** Those that section 5.2.3.7 names, but for the reserved ones, a notation's own names, and what only binds keys. */
const UNDERSTOOD = new Set([
  2, 3, 4, 5, 6, 7, 9, 11, 12, 16, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
])

interface Subpacket {
  readonly type: number
  readonly critical: boolean
  readonly body: Buffer
}

function readSubpackets(area: Buffer): Subpacket[] {
  const found: Subpacket[] = []
  for (let at = 0; at < area.length;) {
    const octet = readNumber(area, at, 1)
    const size = octet < 192 ? 1 : octet < 255 ? 2 : 5
    const length =
      size === 1
        ? octet
        : size === 2
          ? ((octet - 192) << 8) + readNumber(area, at + 1, 1) + 192
          : readNumber(area, at + 1, 4)
    const body = readBytes(area, at + size, length)
    const first = readNumber(body, 0, 1)
    found.push({ type: first & 0x7f, critical: (first & 0x80) !== 0, body: body.subarray(1) })
    at += size + length
  }
  return found
}

function find(subpackets: readonly Subpacket[], wanted: number): Buffer | undefined {
  return subpackets.find(({ type }) => type === wanted)?.body
}

function readIssuer(subpackets: readonly Subpacket[]): string | undefined {
  const fingerprint = find(subpackets, SUBPACKET.fingerprint)
  if (fingerprint !== undefined) return readHex(fingerprint, 1, fingerprint.length - 1)
  const keyId = find(subpackets, SUBPACKET.issuer)
  return keyId === undefined ? undefined : readHex(keyId, 0, 8)
}

function describeUnknown(subpackets: readonly Subpacket[]): string | undefined {
  const critical = subpackets.find(
    (one) => one.critical && (one.type === SUBPACKET.notation || !UNDERSTOOD.has(one.type)),
  )
  return critical === undefined ? undefined : `a critical subpacket of type ${critical.type}`
}

function readBytes(bytes: Buffer, at: number, length: number): Buffer {
  if (length < 0 || at + length > bytes.length)
    throw malformed('a signature that is cut short at', bytes.length)
  return bytes.subarray(at, at + length)
}

function readHex(bytes: Buffer, at: number, length: number): string {
  return readBytes(bytes, at, length).toString('hex').toUpperCase()
}

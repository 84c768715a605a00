// Public keys in the form that node:crypto reads (RFC 5280, section 4.1.2.7), made of the numbers that OpenPGP has.

/** Object identifiers as DER has them, without tag and length. */
const OID = {
  rsa: '2a864886f70d010101',
  dsa: '2a8648ce380401',
  ec: '2a8648ce3d0201',
  ed25519: '2b6570',
  ed448: '2b6571',
} as const

/** A key of RSA (RFC 8017, appendix A.1.1). */
export function rsaKey({ n, e }: { n: Uint8Array; e: Uint8Array }): Buffer {
  return spki([oid(OID.rsa), der(0x05)], der(0x30, integer(n), integer(e)))
}

/** A key of DSA (RFC 3279, section 2.3.2). */
export function dsaKey({
  p,
  q,
  g,
  y,
}: {
  p: Uint8Array
  q: Uint8Array
  g: Uint8Array
  y: Uint8Array
}): Buffer {
  return spki([oid(OID.dsa), der(0x30, integer(p), integer(q), integer(g))], integer(y))
}

/**
 * A key of ECDSA (RFC 5480).
 * @param curve the curve's identifier, as DER has it without tag and length
 */
export function ecdsaKey(curve: Uint8Array, point: Uint8Array): Buffer {
  return spki([oid(OID.ec), der(0x06, curve)], point)
}

/** A key of Ed25519 or Ed448 (RFC 8410). */
export function eddsaKey(curve: 'ed25519' | 'ed448', point: Uint8Array): Buffer {
  return spki([oid(OID[curve])], point)
}

function spki(algorithm: readonly Buffer[], key: Uint8Array): Buffer {
  return der(0x30, der(0x30, ...algorithm), der(0x03, Buffer.of(0), key))
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}

/** A number without sign; a first byte of 128 or more would be read as negative. */
function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0)
  const digits = first < 0 ? Buffer.of(0) : bytes.subarray(first)
  return der(0x02, (digits[0] ?? 0) >= 0x80 ? Buffer.of(0) : Buffer.alloc(0), digits)
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  const digits = length.subarray(length.findIndex((byte) => byte !== 0))
  return Buffer.concat([Buffer.of(tag, 0x80 | digits.length), digits, body])
}

import { createHash } from 'node:crypto'

/**
 * An armoured OpenPGP signature of bytes as gpg makes them, but for the signature proper, which no key has made: as far as can be told
 * without a key it is right, and of no other bytes.
 */
export function signDetached(bytes: Uint8Array): string {
  // Version 4, of a binary file, by RSA, over SHA-256; one hashed subpacket, the time of creation.
  const hashed = Buffer.from([4, 0x00, 1, 8, 0, 6, 5, 2, 0x5e, 0x0b, 0xe1, 0x00])
  const trailer = Buffer.concat([hashed, Buffer.from([4, 0xff, 0, 0, 0, hashed.length])])
  const hash = createHash('sha256').update(bytes).update(trailer).digest()
  const integer = Buffer.concat([Buffer.from([1, 0]), hash, hash.subarray(0, 0)])
  const body = Buffer.concat([hashed, Buffer.from([0, 0]), hash.subarray(0, 2), integer])
  const packet = Buffer.concat([Buffer.from([0xc2, body.length]), body])
  const lines = packet.toString('base64').replace(/.{64}/g, '$&\n')
  return `-----BEGIN PGP SIGNATURE-----\n\n${lines}\n-----END PGP SIGNATURE-----\n`
}

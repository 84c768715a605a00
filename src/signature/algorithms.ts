/** Hash algorithms by OpenPGP's numbers (RFC 9580, section 9.5). MD5 and RIPEMD-160 are not among them: the former can be forged. */
const HASHES: Readonly<Record<number, string>> = {
  2: 'sha1',
  8: 'sha256',
  9: 'sha384',
  10: 'sha512',
  11: 'sha224',
  12: 'sha3-256',
  14: 'sha3-512',
}

/** The name of a hash algorithm, as node:crypto has it; undefined for one that is refused. */
export function hashName(algorithm: number): string | undefined {
  return HASHES[algorithm]
}

/** Numbers of the public-key algorithms that sign (section 9.1); RSA has two. */
export const ALGORITHM = { rsa: [1, 3], dsa: 17, ecdsa: 19, eddsaLegacy: 22, ed25519: 27, ed448: 28 } as const

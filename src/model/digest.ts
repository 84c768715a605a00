import { createHash, type Hash } from 'node:crypto'

/** Checksum algorithms a repomd.xml or primary.xml may name, as createrepo_c spells them (`sha` is an old name of `sha1`). */
export const DIGEST_ALGORITHMS = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number]

const HEX_LENGTH: Record<DigestAlgorithm, number> = {
  md5: 32,
  sha1: 40,
  sha224: 56,
  sha256: 64,
  sha384: 96,
  sha512: 128,
}

const LOWER_HEX = /^[0-9a-f]+$/

/** `<algorithm>:<lower-case hex>`, e.g. `sha256:9f86…`: the name of bytes everywhere in pinyon. */
export type Digest = `${DigestAlgorithm}:${string}`

/**
 * Builds a digest from the `type` and value of a `<checksum>` element.
 * Returns undefined when the algorithm is unknown or the value is not that algorithm's number of hex digits.
 */
export function createDigest(algorithm: string, hex: string): Digest | undefined {
  // As nearly all are written: a primary has tens of thousands.
  if (HEX_LENGTH[algorithm as DigestAlgorithm] === hex.length && LOWER_HEX.test(hex))
    return `${algorithm as DigestAlgorithm}:${hex}`
  const name = algorithm.toLowerCase()
  const known = (name === 'sha' ? 'sha1' : name) as DigestAlgorithm
  const length = HEX_LENGTH[known]
  const value = hex.trim().toLowerCase()
  if (length === undefined || value.length !== length || !LOWER_HEX.test(value)) return undefined
  return `${known}:${value}`
}

/** Reads a digest written as `algorithm:hex`; undefined when it is not one. */
export function parseDigest(text: string): Digest | undefined {
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : createDigest(text.slice(0, colon), text.slice(colon + 1))
}

/** The algorithm part of a digest. */
export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm
}

/** The hexadecimal part of a digest. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1)
}

/** A running hash for a digest's algorithm; finish it with {@link finishDigest}. */
export function startDigest(algorithm: DigestAlgorithm): Hash {
  return createHash(algorithm)
}

/** Ends a running hash and names its result. */
export function finishDigest(algorithm: DigestAlgorithm, hash: Hash): Digest {
  return `${algorithm}:${hash.digest('hex')}`
}

/** The digest of bytes already in memory; sha256 unless told. */
export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return finishDigest(algorithm, startDigest(algorithm).update(bytes))
}

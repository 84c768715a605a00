import { digestAlgorithm, digestOf, type Digest, type DigestAlgorithm } from './digest.ts'

/** A repomd.xml that a metalink names. */
export interface ListedRepomd {
  /** Seconds since the epoch; undefined where the metalink does not say. */
  readonly timestamp: number | undefined
  /** At least one. */
  readonly digests: readonly Digest[]
}

/** What a metalink or a mirrorlist says. */
export interface MirrorListing {
  readonly kind: 'metalink' | 'mirrorlist'
  /** The roots of the repository at its mirrors, each ending in a slash, the preferred ones first. */
  readonly baseurls: readonly string[]
  /** The repomd.xml's that count, the newest first; empty where nothing is said of them. */
  readonly repomds: readonly ListedRepomd[]
}

/** The strongest first: the others say nothing beside one. */
const STRENGTH: readonly DigestAlgorithm[] = ['sha512', 'sha384', 'sha256', 'sha224', 'sha1', 'md5']

/** Which of a listing's repomd.xml's these bytes are: 0 for the newest one, undefined for none of them. */
export function rankOfRepomd({ repomds }: Pick<MirrorListing, 'repomds'>, bytes: Buffer): number | undefined {
  const known = new Map<DigestAlgorithm, Digest>()
  const digestBy = (algorithm: DigestAlgorithm): Digest => {
    const digest = known.get(algorithm) ?? digestOf(bytes, algorithm)
    known.set(algorithm, digest)
    return digest
  }
  const rank = repomds.findIndex(({ digests }) => {
    const strongest = findStrongest(digests)
    return strongest !== undefined && digestBy(digestAlgorithm(strongest)) === strongest
  })
  return rank === -1 ? undefined : rank
}

/** Which of a listing's repomd.xml's has this digest; undefined for none, and where the listing has no digest of its kind. */
export function rankOfDigest(
  { repomds }: Pick<MirrorListing, 'repomds'>,
  digest: Digest,
): number | undefined {
  const rank = repomds.findIndex(({ digests }) => digests.includes(digest))
  return rank === -1 ? undefined : rank
}

function findStrongest(digests: readonly Digest[]): Digest | undefined {
  return digests.toSorted((a, b) => weaknessOf(a) - weaknessOf(b))[0]
}

function weaknessOf(digest: Digest): number {
  return STRENGTH.indexOf(digestAlgorithm(digest))
}

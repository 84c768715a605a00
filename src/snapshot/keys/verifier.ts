import { verifyDetached, type Verdict } from '../../signature/verify.ts'
import type { FetchKeys, KeyRing, KeySource, RingKeys } from './key-ring.ts'

/** Verifies the detached signature of a mirror's repomd.xml. Never throws for what is in them. */
export type SignatureVerifier = (repomd: Buffer, signature: Buffer) => Promise<Verdict>

/** Whose signatures count for a mirror. */
export interface VerifierOptions {
  readonly ring: KeyRing
  readonly sources: readonly KeySource[]
  readonly fetch: FetchKeys
  readonly now: () => number
}

/** Verifies with a mirror's keys; a refusal that newer ones could turn has them fetched anew, at most once a minute. */
export function createVerifier({ ring, sources, fetch, now }: VerifierOptions): SignatureVerifier {
  const verify = (repomd: Buffer, signature: Buffer, { keys, problems }: RingKeys): Verdict => {
    const verdict = verifyDetached(repomd, signature, keys, now())
    return verdict.good === undefined
      ? { ...verdict, reason: [verdict.reason, ...problems].join('; ') }
      : verdict
  }
  return async (repomd, signature) => {
    const first = verify(repomd, signature, await ring.keysOf(sources, fetch))
    if (first.good !== undefined || first.mayBeLate || !sources.some((source) => 'url' in source))
      return first
    return verify(repomd, signature, await ring.keysOf(sources, fetch, 'soon'))
  }
}

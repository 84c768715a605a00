import { PinyonError } from '../../model/errors.ts'
import type { Claim, Claims } from '../../system/claims.ts'

const CLAIM = 'rebuild'

/** Refuses to open a data directory whose database is being made anew. Throws PinyonError STORE_FAILED. */
export function refuseRebuilding(claims: Pick<Claims, 'find'>): void {
  if (claims.find(CLAIM) === undefined) return
  throw new PinyonError(
    'STORE_FAILED',
    'its database is being made anew by `pinyon verify --rebuild`: wait for its end',
  )
}

/**
 * Claims a data directory for itself alone: who opens it from now on is refused.
 * @throws PinyonError STORE_FAILED while another process has it open
 */
export function claimRebuild(claims: Claims): Claim {
  const claim = claims.tryClaim(CLAIM)
  if (claim === undefined)
    throw new PinyonError('STORE_FAILED', 'another process is making the database of this data_dir anew')
  // In this order: whoever opens it now has seen the claim, or is seen.
  const others = claims.others()
  if (others.length === 0) return claim
  claim.release()
  throw new PinyonError(
    'STORE_FAILED',
    `the database is made anew only while nobody uses it; stop the server of this data_dir: ${others.length} other process(es) have it open`,
  )
}

import type { FuzzTarget } from './target.ts'
import { CONFIGURATION } from './targets-config.ts'
import { CHECKSUM_LISTS, DIRECTORY_INDEXES } from './targets-extras.ts'
import { RANGES, REQUEST_TARGETS } from './targets-http.ts'
import { METALINKS, MIRRORLISTS } from './targets-listing.ts'
import { HREFS, PRIMARY, REPOMD, SIGNATURES } from './targets-repodata.ts'

/** Everything that reads bytes from outside, and its part of all cases: what is slow gets fewer. */
export const TARGETS: readonly { readonly target: FuzzTarget; readonly share: number }[] = [
  { target: RANGES, share: 0.19 },
  { target: REQUEST_TARGETS, share: 0.25 },
  { target: HREFS, share: 0.08 },
  { target: SIGNATURES, share: 0.1 },
  { target: METALINKS, share: 0.06 },
  { target: MIRRORLISTS, share: 0.06 },
  { target: DIRECTORY_INDEXES, share: 0.03 },
  { target: CHECKSUM_LISTS, share: 0.03 },
  { target: REPOMD, share: 0.08 },
  { target: PRIMARY, share: 0.08 },
  { target: CONFIGURATION, share: 0.04 },
]

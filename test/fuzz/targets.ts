import type { FuzzTarget } from './target.ts'
import { CONFIGURATION } from './targets-config.ts'
import { CHECKSUM_LISTS, DELTAS, DIRECTORY_INDEXES, TREEINFO } from './targets-extras.ts'
import { RANGES, REQUEST_TARGETS } from './targets-http.ts'
import { METALINKS, MIRRORLISTS } from './targets-listing.ts'
import { HREFS, PRIMARY, REPOMD, SIGNATURES } from './targets-repodata.ts'
import { BZIP2_FILES, UPDATEINFO } from './targets-updateinfo.ts'

/** Everything that reads bytes from outside, and its part of all cases: what is slow gets fewer. */
export const TARGETS: readonly { readonly target: FuzzTarget; readonly share: number }[] = [
  { target: RANGES, share: 0.14 },
  { target: REQUEST_TARGETS, share: 0.25 },
  { target: HREFS, share: 0.08 },
  { target: SIGNATURES, share: 0.08 },
  { target: METALINKS, share: 0.06 },
  { target: MIRRORLISTS, share: 0.06 },
  { target: DIRECTORY_INDEXES, share: 0.03 },
  { target: CHECKSUM_LISTS, share: 0.03 },
  { target: TREEINFO, share: 0.02 },
  { target: DELTAS, share: 0.02 },
  { target: UPDATEINFO, share: 0.02 },
  { target: BZIP2_FILES, share: 0.01 },
  { target: REPOMD, share: 0.08 },
  { target: PRIMARY, share: 0.08 },
  { target: CONFIGURATION, share: 0.04 },
]

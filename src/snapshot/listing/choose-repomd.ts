import { PinyonError, toPinyonError } from '../../model/errors.ts'
import { rankOfDigest, rankOfRepomd } from '../../model/mirror-listing.ts'
import type { Upstream } from '../../upstream/upstream.ts'
import { askRepomd, type FetchedRepomd } from '../repomd-source.ts'
import type { SeenRepomd } from '../store.ts'
import type { KnownListing } from './mirror-list.ts'

/** As many mirrors are asked for the newest repomd.xml that a metalink lists. */
const MAX_LOOKS = 12

/** A repomd.xml that counts; undefined is the one that was seen before. */
interface Candidate {
  readonly rank: number
  readonly fetched: FetchedRepomd | undefined
}

/**
 * The newest repomd.xml of those that a metalink lists and some mirror has: mirrors are asked one after the other until one has the newest
 * of all, at most twelve.
 * @param seen the one that was seen last, where it need not be had again
 * @returns undefined when it is that one
 * @throws PinyonError REPODATA_UNLISTED when all that answer have others; upstream's trouble when none does
 */
export async function chooseByListing(
  { upstream, signal }: { readonly upstream: Upstream; readonly signal: AbortSignal },
  { listing, error: staleness }: KnownListing,
  seen: SeenRepomd | undefined,
): Promise<FetchedRepomd | undefined> {
  // What a list said that cannot be had any more is no news.
  const isNow = staleness === undefined
  if (isNow && seen !== undefined && rankOfDigest(listing, seen.digest) === 0) return undefined
  // Without digests of its kind nothing can be said of what is not had whole.
  const isTold = listing.repomds.every(({ digests }) => digests.some((one) => one.startsWith('sha256:')))
  const before = isTold ? seen : undefined
  const asked = new Set<string>()
  let best: Candidate | undefined
  let failure: PinyonError | undefined
  while (asked.size < MAX_LOOKS && best?.rank !== 0) {
    try {
      const request = { signal, except: asked, isOptional: asked.size > 0 }
      const { baseurl, fetched } = await askRepomd(upstream, before, request)
      asked.add(baseurl)
      const rank =
        fetched === undefined
          ? before && rankOfDigest(listing, before.digest)
          : rankOfRepomd(listing, fetched.bytes)
      if (rank !== undefined && rank < (best?.rank ?? Infinity)) best = { rank, fetched }
    } catch (thrown) {
      signal.throwIfAborted()
      failure = toPinyonError(thrown)
      if (failure.kind.source === 'internal') throw failure
      break
    }
  }
  if (best !== undefined) return best.fetched
  throw asked.size === 0 && failure !== undefined ? failure : unlisted([...asked], staleness)
}

function unlisted(asked: readonly string[], staleness: PinyonError | undefined): PinyonError {
  const [first = ''] = asked
  const others = asked.length > 1 ? ` and ${asked.length - 1} more` : ''
  const why = staleness === undefined ? '' : `; the metalink may be out of date: ${staleness.message}`
  return new PinyonError(
    'REPODATA_UNLISTED',
    `no mirror that answers has a repomd.xml that the metalink lists${why}; asked: ${first}${others}`,
  )
}

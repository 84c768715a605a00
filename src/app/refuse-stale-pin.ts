import { listsEtag } from '../http/conditions.ts'
import { PinyonError } from '../model/errors.ts'
import { describePin } from '../proxy/api-pin.ts'
import type { MirrorState, SnapshotHistory } from '../snapshot/store.ts'

/**
 * Refuses to change a pin that is not what whoever asks has seen, and says what somebody else did.
 * @param ifMatch the header (RFC 9110 §13.1.1), held against the ETag of `mirrors/<m>/pin`
 * @throws PinyonError PRECONDITION_FAILED
 */
export async function refuseStalePin(
  ifMatch: string,
  mirror: Pick<MirrorState, 'name' | 'current' | 'pinned' | 'pinWhy'>,
  history: Pick<SnapshotHistory, 'generations'>,
): Promise<void> {
  if (listsEtag(ifMatch, describePin(mirror).etag, 'strong')) return
  const { name, current, pinned, pinWhy } = mirror
  const [last] = await history.generations({ mirror: name, limit: 1 })
  const state =
    current === undefined
      ? 'it has no current snapshot'
      : `jobs get ${current.name}${pinned ? ', pinned' : ''}`
  const why = pinWhy === undefined ? '' : ` (${pinWhy})`
  const by =
    last === undefined
      ? ''
      : `, by ${last.actor} at ${new Date(last.createdAt).toISOString()} (${last.cause})`
  throw new PinyonError(
    'PRECONDITION_FAILED',
    `${name} has changed meanwhile: ${state}${why}${by}; nothing was written`,
  )
}

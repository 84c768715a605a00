import { PinyonError } from '../model/errors.ts'
import { parseInstant } from '../model/instant.ts'
import type { Index, Snapshot, SnapshotHistory } from '../snapshot/store.ts'

/** The index of a generation named in a URL. Throws NOT_FOUND for one that never was, PATH_REFUSED for what is no number. */
export async function indexOfGeneration(history: SnapshotHistory, text: string): Promise<Index> {
  if (!/^\d{1,15}$/.test(text))
    throw new PinyonError('PATH_REFUSED', `expected a generation's number, found: ${JSON.stringify(text)}`)
  const index = await history.indexAt(Number(text))
  if (index === undefined) throw new PinyonError('NOT_FOUND', `there is no generation: ${text}`)
  return index
}

/** The index of a moment named in a URL. Throws NOT_FOUND for one before the first generation, PATH_REFUSED for what is no moment. */
export async function indexOfMoment(history: SnapshotHistory, text: string): Promise<Index> {
  const atMs = parseInstant(text)
  if (atMs === undefined)
    throw new PinyonError(
      'PATH_REFUSED',
      `expected a time such as 2026-11-22T02:13:00Z, found: ${JSON.stringify(text)}`,
    )
  const generation = await history.generationAt(atMs)
  const index = generation === undefined ? undefined : await history.indexAt(generation)
  if (index === undefined) throw new PinyonError('NOT_FOUND', `nothing had been published at: ${text}`)
  return index
}

/** The snapshot of a mirror that was current at a moment. Throws as {@link indexOfMoment}, and NOT_FOUND when there was none. */
export async function snapshotOfMoment(
  history: SnapshotHistory,
  mirror: string,
  text: string,
): Promise<Snapshot> {
  const snapshot = (await indexOfMoment(history, text)).current.get(mirror)
  if (snapshot === undefined)
    throw new PinyonError('NOT_FOUND', `${mirror} had no current snapshot at: ${text}`)
  return snapshot
}

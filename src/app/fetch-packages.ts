import type { FetchRequest, Prefetcher } from '../snapshot/prefetch/prefetcher.ts'
import type { SnapshotStore } from '../snapshot/store.ts'
import { noSuchMirror } from '../model/no-such-mirror.ts'

/** What packages are fetched with. */
export interface FetchParts {
  readonly store: Pick<SnapshotStore, 'mirrors'>
  readonly prefetcher: Pick<Prefetcher, 'fetch'>
}

/**
 * Fetches packages of a mirror because somebody asks for that, as a prefetcher does it.
 * @throws PinyonError NOT_FOUND for a mirror that there is not: of such a one nothing would be missing, either
 */
export async function fetchPackages(
  { store, prefetcher }: FetchParts,
  mirror: string,
  request: FetchRequest,
  onProgress: Parameters<Prefetcher['fetch']>[2],
): ReturnType<Prefetcher['fetch']> {
  const known = (await store.mirrors()).map(({ name }) => name)
  if (!known.includes(mirror)) throw noSuchMirror(mirror, known)
  return await prefetcher.fetch(mirror, request, onProgress)
}

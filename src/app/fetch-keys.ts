import { readAll } from '../snapshot/repomd-source.ts'
import { splitCredentials } from '../upstream/credentials.ts'
import { createUpstream, type MirrorSources, type SharedUpstream } from './create-upstream.ts'

/** The longest file of keys, in bytes: those of distributions have some 5,000 a key. */
const MAX_BYTES = 1 << 20

/** Somebody may wait for it. */
const MAX_RETRIES = 2

/** Fetches a `gpgkey` in the way of a mirror's files: through its proxy, with its times and tries. Throws PinyonError. */
export async function fetchKeys(
  mirror: MirrorSources,
  url: string,
  shared: SharedUpstream,
  signal: AbortSignal,
): Promise<Buffer> {
  const retries = Math.min(mirror.retries, MAX_RETRIES)
  const more = { staysSecure: true, knownTo: mirror.baseurls }
  const upstream = createUpstream({ ...mirror, baseurls: [url], retries }, shared, more)
  try {
    return await readAll(await upstream.get('', { signal }), MAX_BYTES, splitCredentials(url).shown)
  } finally {
    await upstream.close()
  }
}

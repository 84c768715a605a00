import { setTimeout as sleepFor } from 'node:timers/promises'

import type { BlobStore } from '../cache/blob-store.ts'
import type { Digest } from '../model/digest.ts'
import type { Claims } from '../system/claims.ts'

/** How often it is looked whether another sync has ended its download, in milliseconds. */
const LOOK_MS = 50
/** Beyond this, another one's upstream is slower than ours need be, in milliseconds. */
const LONGEST_WAIT_MS = 60_000

/** What it needs. */
export interface OneDownload {
  readonly blobs: Pick<BlobStore, 'keep'>
  readonly claims?: Pick<Claims, 'tryClaim'>
  readonly signal: AbortSignal
}

/**
 * Downloads a blob unless it is there, or another sync of this or another process, which may be of another mirror, is about to have it: that
 * one is waited for, a minute at most.
 * @returns its size when it was there; undefined when it was downloaded here
 */
export async function downloadOnce(
  { blobs, claims, signal }: OneDownload,
  digest: Digest,
  download: () => Promise<void>,
): Promise<number | undefined> {
  for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
    const claim = claims?.tryClaim(`repodata ${digest}`)
    try {
      // Looked for after the claim: whoever held it before may have ended just now.
      const stored = await blobs.keep(digest)
      if (stored !== undefined) return stored
      if (claim !== undefined || claims === undefined || waitedMs >= LONGEST_WAIT_MS) {
        await download()
        return undefined
      }
    } finally {
      claim?.release()
    }
    await sleepFor(LOOK_MS, undefined, { signal })
  }
}

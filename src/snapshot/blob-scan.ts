import type { Digest } from '../model/digest.ts'
import type { GcContext } from './gc-context.ts'
import { NO_BLOBS, type BlobSum } from './gc-report.ts'

/** A blob that may go. */
export interface Removable {
  readonly digest: Digest
  readonly size: number
  readonly usedAt: number
}

/** What the blobs are for, as of one moment. */
export interface BlobScan {
  /** Of the moment: see {@link currentToken}. */
  readonly token: string
  /** Listed by no snapshot, and not needed for a while. */
  readonly unlisted: readonly Removable[]
  /** Can be fetched again, the least recently used first. */
  readonly evictable: readonly Removable[]
  readonly classes: Readonly<Record<BlobClass, BlobSum>>
}

type BlobClass = 'unlisted' | 'repodata' | 'fetchable' | 'only_here'

/**
 * Looks what every blob is for. One pass over the packages, in a transaction that only reads: it neither waits for anybody nor makes
 * anybody wait.
 * @param going snapshots to be taken for retired
 */
export function scanBlobs(context: GcContext, going: readonly { readonly id: number }[]): BlobScan {
  const { statements, database, request } = context
  const scan = database.transaction((): BlobScan => {
    const token = currentToken(context)
    statements.clearLive.run()
    statements.fillLive.run()
    for (const { id } of going) statements.dropLive.run({ id })
    statements.clearListed.run()
    statements.fillPackages.run()
    statements.fillRepodata.run()
    const sums = statements.classes.all() as (BlobSum & { class: BlobClass })[]
    const sumOf = (name: BlobClass): BlobSum => {
      const found = sums.find((sum) => sum.class === name)
      return found === undefined ? NO_BLOBS : { count: found.count, bytes: found.bytes }
    }
    return {
      token,
      unlisted: statements.unlisted.all({ before: request.nowMs - request.unlistedMs }) as Removable[],
      evictable: statements.evictable.all() as Removable[],
      classes: {
        unlisted: sumOf('unlisted'),
        repodata: sumOf('repodata'),
        fetchable: sumOf('fetchable'),
        only_here: sumOf('only_here'),
      },
    }
  })
  return scan()
}

/** Differs from a scan's once something has happened by which a blob may have become one that must not go. */
export function currentToken({ statements }: GcContext): string {
  return (statements.token.get() as { token: string }).token
}

/** The least recently used that together have at least so many bytes. */
export function chooseEvicted(evictable: readonly Removable[], bytes: number): readonly Removable[] {
  const chosen: Removable[] = []
  for (let sum = 0; sum < bytes && chosen.length < evictable.length;) {
    const next = evictable[chosen.length] as Removable
    chosen.push(next)
    sum += next.size
  }
  return chosen
}

/** How many, and how large in all. */
export function sumBlobs(blobs: readonly { readonly size: number }[]): BlobSum {
  return { count: blobs.length, bytes: blobs.reduce((sum, { size }) => sum + size, 0) }
}

import type { Digest } from '../../model/digest.ts'
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
  readonly evictable: () => readonly Removable[]
  readonly repodata: BlobSum
  readonly fetchable: BlobSum
  readonly onlyHere: BlobSum
  /** Listed by no snapshot, whenever they were needed. */
  readonly allUnlisted: BlobSum
}

/**
 * Looks what every blob is for. One pass over the packages, in a transaction that only reads: it neither waits for anybody nor makes
 * anybody wait.
 * @param going snapshots to be taken for retired
 */
export function scanBlobs(context: GcContext, going: readonly { readonly id: number }[]): BlobScan {
  const { statements, database } = context
  const scan = database.transaction((): BlobScan => {
    const token = currentToken(context)
    statements.clearLive.run()
    statements.fillLive.run()
    for (const { id } of going) statements.dropLive.run({ id })
    statements.clearListed.run()
    // Every row is of some snapshot, unless some are only taken for retired, or rows of retired ones are left.
    const all = going.length === 0 && statements.unswept.get() === undefined
    statements.listPackages.run({ all: all ? 1 : 0 })
    statements.listRepodata.run()
    return readScan(context, token)
  })
  return scan()
}

function readScan({ statements, request }: GcContext, token: string): BlobScan {
  const sums = statements.classes.all() as (BlobSum & { class: string })[]
  const sumOf = (name: string): BlobSum => {
    const found = sums.find((sum) => sum.class === name)
    return found === undefined ? NO_BLOBS : { count: found.count, bytes: found.bytes }
  }
  const total = statements.total.get() as BlobSum
  const allUnlisted = {
    count: total.count - sums.reduce((sum, { count }) => sum + count, 0),
    bytes: total.bytes - sums.reduce((sum, { bytes }) => sum + bytes, 0),
  }
  const before = request.nowMs - request.unlistedMs
  return {
    token,
    unlisted: allUnlisted.count === 0 ? [] : (statements.unlisted.all({ before }) as Removable[]),
    evictable: () => statements.evictable.all() as Removable[],
    repodata: sumOf('repodata'),
    fetchable: sumOf('fetchable'),
    onlyHere: sumOf('only_here'),
    allUnlisted,
  }
}

/** Differs from a scan's once something has happened by which a blob may have become one that must not go. */
export function currentToken({ statements }: GcContext): string {
  return (statements.token.get() as { token: string }).token
}

/** The least recently used that together have at least so many bytes; none for no bytes. */
export function chooseEvicted(
  { evictable }: Pick<BlobScan, 'evictable'>,
  bytes: number,
): readonly Removable[] {
  if (bytes <= 0) return []
  const all = evictable()
  let sum = 0
  let count = 0
  while (sum < bytes && count < all.length) {
    sum += all[count]?.size ?? 0
    count += 1
  }
  return all.slice(0, count)
}

/** How many, and how large in all. */
export function sumBlobs(blobs: readonly { readonly size: number }[]): BlobSum {
  return { count: blobs.length, bytes: blobs.reduce((sum, { size }) => sum + size, 0) }
}

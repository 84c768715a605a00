import { BlobTable, FETCHABLE, LISTED, REPODATA, type Removable } from './blob-table.ts'
import type { GcContext } from './gc-context.ts'
import type { BlobSum } from './gc-report.ts'

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

/** Rows that come in one value: a megabyte or two. */
const ROWS_AT_ONCE = 20_000

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
    const blobs = readBlobs(context)
    // Every row is of some snapshot, unless some are only taken for retired, or rows of retired ones are left.
    markPackages(context, blobs, going.length === 0 && statements.unswept.get() === undefined)
    markRepodata(context, blobs)
    return describeScan(context, blobs, token)
  })
  return scan()
}

/** All blobs there are; nothing is noted of them. */
export function readBlobs({ statements }: Pick<GcContext, 'statements'>): BlobTable {
  const { count } = statements.total.get() as { count: number }
  const blobs = new BlobTable(count)
  for (let after: string | null = ''; after !== null;) {
    const page = statements.blobs.get({ after, limit: ROWS_AT_ONCE }) as Page & { last: string | null }
    if (page.rows !== null) blobs.add(page.rows)
    after = page.last
  }
  return blobs
}

/** Some rows in one value; null for none. */
interface Page {
  readonly rows: Buffer | null
}

function markPackages({ statements }: GcContext, blobs: BlobTable, all: boolean): void {
  const { id: last } = statements.lastPackage.get() as { id: number }
  for (let from = 1; from <= last; from += ROWS_AT_ONCE) {
    const to = from + ROWS_AT_ONCE - 1
    const { rows } = statements.packages.get({ from, to, all: all ? 1 : 0 }) as Page
    if (rows !== null) blobs.markListed(rows, LISTED)
  }
}

function markRepodata({ statements }: GcContext, blobs: BlobTable): void {
  for (const { id: mirrorId } of statements.mirrors.all() as { id: number }[]) {
    const { rows } = statements.repodata.get({ mirrorId }) as Page
    if (rows !== null) blobs.markListed(rows, LISTED | REPODATA)
    const { rows: extras } = statements.extras.get({ mirrorId }) as Page
    if (extras !== null) blobs.markListed(extras, LISTED)
  }
}

function describeScan({ request }: GcContext, blobs: BlobTable, token: string): BlobScan {
  const before = request.nowMs - request.unlistedMs
  return {
    token,
    unlisted: blobs.pick((marks, usedAt) => marks === 0 && usedAt < before),
    evictable: () => blobs.pick((marks) => marks === (LISTED | FETCHABLE)).toSorted(byUse),
    repodata: blobs.sum((marks) => (marks & REPODATA) !== 0),
    fetchable: blobs.sum((marks) => marks === (LISTED | FETCHABLE)),
    onlyHere: blobs.sum((marks) => marks === LISTED),
    allUnlisted: blobs.sum((marks) => marks === 0),
  }
}

function byUse(a: Removable, b: Removable): number {
  return a.usedAt - b.usedAt || (a.digest < b.digest ? -1 : 1)
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

import { setTimeout as sleep } from 'node:timers/promises'

import type { Digest } from '../../model/digest.ts'
import { toPinyonError } from '../../model/errors.ts'
import { currentToken } from './blob-scan.ts'
import type { Removable } from './blob-table.ts'
import type { GcContext } from './gc-context.ts'
import type { BlobSum } from './gc-report.ts'
import { runWrite } from '../write-transaction.ts'

/** Blobs that lose their names in one transaction: a millisecond or two, which whoever else wants to write waits. */
const BLOBS_AT_ONCE = 64

/** A file that is open keeps its space: so often, and so long after each other, a full disk is tried again, in milliseconds. */
const SPACE_TRIES = 80
const SPACE_RETRY_MS = 25

/** Who is told of a removal. */
interface RemovalProgress {
  readonly onGone: (gone: readonly Removable[]) => void
  /** Told before each step how what is left to look at can be had. */
  readonly onStep: (left: () => readonly Removable[]) => void
}

/**
 * Removes blobs for as long as the scan that chose them holds.
 * @param token of that scan
 * @returns whether the scan still held at the end
 */
export async function removeBlobs(
  context: GcContext,
  blobs: readonly Removable[],
  token: string,
  { onGone, onStep }: RemovalProgress,
): Promise<boolean> {
  for (let at = 0; at < blobs.length; at += BLOBS_AT_ONCE) {
    onStep(() => blobs.slice(at))
    const gone = await removeSome(context, blobs.slice(at, at + BLOBS_AT_ONCE), token)
    if (gone === undefined) return false
    onGone(gone)
  }
  return true
}

/** Undefined when the scan holds no more. */
async function removeSome(
  context: GcContext,
  blobs: readonly Removable[],
  token: string,
): Promise<readonly Removable[] | undefined> {
  const { database, statements, inventory } = context
  const free: (() => void)[] = []
  const take = () => {
    if (currentToken(context) !== token) return undefined
    return blobs.filter(({ digest, size, usedAt }) => {
      if (statements.removeBlob.run({ digest, usedAt }).changes === 0) return false
      free.push(inventory.takeAway(digest, size))
      return true
    })
  }
  const release = () => {
    for (const remove of free.splice(0)) remove()
  }
  let gone: readonly Removable[] | undefined
  try {
    gone = await runWrite(database, take, { durable: false })
  } catch (error) {
    // They could go when they went. A disk that was too full for the transaction has their space now; else entries without a file are mended.
    release()
    if (toPinyonError(error).code !== 'NO_SPACE') throw error
    // As soon as nobody has them open: the server is told, and a fill that has just stored one ends.
    context.onRemoved(blobs.map(({ digest }) => digest))
    gone = await writeWhenThereIsSpace(database, take)
  }
  release()
  if (gone !== undefined && gone.length > 0) context.onRemoved(gone.map(({ digest }) => digest))
  return gone
}

async function writeWhenThereIsSpace<T>(database: GcContext['database'], take: () => T): Promise<T> {
  for (let tries = 0; ; tries += 1)
    try {
      return await runWrite(database, take, { durable: false })
    } catch (error) {
      if (toPinyonError(error).code !== 'NO_SPACE' || tries === SPACE_TRIES) throw error
      await sleep(SPACE_RETRY_MS)
    }
}

/**
 * Brings the account in line with the disk: files without an entry (of an older version, or after a power cut) get one, entries
 * without a file go. Returns how many differed.
 */
export async function reconcileBlobs(context: GcContext): Promise<number> {
  const { statements, inventory } = context
  const seen = new Set<string>()
  let differing = 0
  let entries = 0
  for (const { prefix, digests } of inventory.parts()) {
    seen.add(prefix)
    const part = await reconcilePart(context, prefix, digests)
    differing += part.differing
    entries += part.entries
  }
  // Entries of directories that are not there; looking for them takes a look at each entry.
  if ((statements.total.get() as BlobSum).count === entries) return differing
  for (const { prefix } of statements.blobPrefixes.all() as { prefix: string }[])
    if (!seen.has(prefix)) differing += (await reconcilePart(context, prefix, [])).differing
  return differing
}

interface PartFound {
  readonly differing: number
  /** How many are entered; not a number when some differed. */
  readonly entries: number
}

async function reconcilePart(
  context: GcContext,
  prefix: string,
  digests: readonly Digest[],
): Promise<PartFound> {
  const { database, statements, inventory, request } = context
  const rows = statements.blobsUnder.pluck().all({ from: prefix, to: `${prefix}~` }) as Digest[]
  const entered = new Set(rows)
  const unknown = digests.filter((digest) => !entered.delete(digest))
  const differing = [...unknown, ...entered]
  if (differing.length === 0) return { differing: 0, entries: rows.length }
  let gone: Digest[] = []
  // They may just have come or gone: under the lock both are seen at one moment.
  const mend = () => {
    gone = []
    return differing.reduce((count, digest) => {
      const size = inventory.sizeOf(digest)
      if (size !== undefined)
        return count + statements.addBlob.run({ digest, size, atMs: request.nowMs }).changes
      gone.push(digest)
      return count + statements.forgetBlob.run({ digest }).changes
    }, 0)
  }
  const mended = await runWrite(database, mend, { durable: false })
  // Somebody may have them open still, or in memory, and would tell of them as stored.
  if (gone.length > 0) context.onRemoved(gone)
  return { differing: mended, entries: Number.NaN }
}

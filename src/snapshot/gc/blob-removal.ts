import type { Digest } from '../../model/digest.ts'
import { toPinyonError } from '../../model/errors.ts'
import { currentToken } from './blob-scan.ts'
import type { Removable } from './blob-table.ts'
import type { GcContext } from './gc-context.ts'
import { runWrite } from '../write-transaction.ts'

/** Blobs that lose their names in one transaction: a millisecond or two, which whoever else wants to write waits. */
const BLOBS_AT_ONCE = 64

/**
 * Removes blobs for as long as the scan that chose them holds.
 * @param token of that scan
 * @returns those that are gone, and whether the scan still held at the end
 */
export async function removeBlobs(
  context: GcContext,
  blobs: readonly Removable[],
  token: string,
): Promise<{ readonly removed: readonly Removable[]; readonly held: boolean }> {
  const removed: Removable[] = []
  for (let at = 0; at < blobs.length; at += BLOBS_AT_ONCE) {
    const gone = await removeSome(context, blobs.slice(at, at + BLOBS_AT_ONCE), token)
    if (gone === undefined) return { removed, held: false }
    removed.push(...gone)
  }
  return { removed, held: true }
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
    return blobs.filter(({ digest, usedAt }) => {
      if (statements.removeBlob.run({ digest, usedAt }).changes === 0) return false
      free.push(inventory.takeAway(digest))
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
    gone = await runWrite(database, take, { durable: false })
  }
  release()
  if (gone !== undefined && gone.length > 0) context.onRemoved(gone.map(({ digest }) => digest))
  return gone
}

/**
 * Brings the account in line with the disk: files without an entry (of an older version, or after a power cut) get one, entries
 * without a file go. Returns how many differed.
 */
export async function reconcileBlobs(context: GcContext): Promise<number> {
  const { statements, inventory } = context
  const seen = new Set<string>()
  let differing = 0
  for (const { prefix, digests } of inventory.parts()) {
    seen.add(prefix)
    differing += await reconcilePart(context, prefix, digests)
  }
  for (const { prefix } of statements.blobPrefixes.all() as { prefix: string }[])
    if (!seen.has(prefix)) differing += await reconcilePart(context, prefix, [])
  return differing
}

async function reconcilePart(
  context: GcContext,
  prefix: string,
  digests: readonly Digest[],
): Promise<number> {
  const { database, statements, inventory, request } = context
  const rows = statements.blobsUnder.all({ from: prefix, to: `${prefix}~` }) as { digest: Digest }[]
  const entered = new Set(rows.map(({ digest }) => digest))
  const onDisk = new Set(digests)
  const differing = [
    ...digests.filter((digest) => !entered.has(digest)),
    ...rows.map(({ digest }) => digest).filter((digest) => !onDisk.has(digest)),
  ]
  if (differing.length === 0) return 0
  // They may just have come or gone: under the lock both are seen at one moment.
  const mend = () =>
    differing.reduce((count, digest) => {
      const size = inventory.sizeOf(digest)
      if (size === undefined) return count + statements.forgetBlob.run({ digest }).changes
      return count + statements.addBlob.run({ digest, size, atMs: request.nowMs }).changes
    }, 0)
  return await runWrite(database, mend, { durable: false })
}

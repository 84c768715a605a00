import { reconcileBlobs, removeBlobs } from './blob-removal.ts'
import { chooseEvicted, scanBlobs, sumBlobs, type BlobScan } from './blob-scan.ts'
import type { Removable } from './blob-table.ts'
import type { GcContext } from './gc-context.ts'
import { NO_BLOBS, type BlobSum, type GcBlobs, type GcReport, type GcSnapshot } from './gc-report.ts'
import { planRetirement, retireSnapshots, sweepPackages, type JudgedSnapshot } from './retire.ts'

/** How often a scan is made anew because a sync published while what it found was removed. */
const MAX_SCANS = 5
/** Evicting goes down to this share of the quota, so that not every further fill has to evict. */
const LOW_WATER = 0.9

/**
 * One collection: retires snapshots, forgets what only they listed, removes blobs that none lists, and then, above the quota, the least
 * recently used that can be fetched again. It only ever writes in transactions of a few milliseconds, and is right whatever syncs, fills
 * and jobs do meanwhile; a kill at any moment leaves what the next collection continues.
 */
export async function collectGarbage(context: GcContext): Promise<GcReport> {
  const { kind, reconcile } = context.request
  if (kind === 'plan') return plan(context)
  context.inventory.dropTrash()
  if (reconcile) await reconcileBlobs(context)
  const snapshots = kind === 'collect' ? await retireSnapshots(context) : []
  const packageRows = kind === 'collect' ? await sweepPackages(context) : 0
  const { scan, unlisted, evicted } = await removeUnneeded(context)
  const blobs = describeBlobs(context, scan, unlisted, evicted)
  return {
    dryRun: false,
    snapshots: snapshots.map(toReported),
    packageRows,
    blobs,
    fits: fits(context, blobs),
  }
}

function plan(context: GcContext): GcReport {
  const snapshots = planRetirement(context)
  const going = snapshots.filter(({ goes }) => goes)
  const scan = scanBlobs(context, going)
  const evicted = sumBlobs(chooseEvicted(scan, excess(context, scan, sumBlobs(scan.unlisted).bytes)))
  const blobs = describeBlobs(context, scan, sumBlobs(scan.unlisted), evicted)
  const total = {
    count: blobs.total.count - blobs.unlisted.count - evicted.count,
    bytes: blobs.total.bytes - blobs.unlisted.bytes - evicted.bytes,
  }
  const planned = { ...blobs, total }
  return {
    dryRun: true,
    snapshots: snapshots.map(toReported),
    packageRows: 0,
    blobs: planned,
    fits: fits(context, planned),
  }
}

/** Scans and removes; once more when a sync has published meanwhile, as what upstream has may be another by then. */
async function removeUnneeded(
  context: GcContext,
): Promise<{ scan: BlobScan; unlisted: BlobSum; evicted: BlobSum }> {
  const unlisted: Removable[] = []
  const evicted: Removable[] = []
  for (let scans = 1; ; scans += 1) {
    const scan = scanBlobs(context, [])
    const left = await removeBlobs(context, scan.unlisted, scan.token)
    unlisted.push(...left.removed)
    const chosen = left.held ? chooseEvicted(scan, excess(context, scan, 0)) : []
    const out = await removeBlobs(context, chosen, scan.token)
    evicted.push(...out.removed)
    if ((left.held && out.held) || scans === MAX_SCANS)
      return { scan, unlisted: sumBlobs(unlisted), evicted: sumBlobs(evicted) }
  }
}

/**
 * Bytes to be evicted: none below the quota; beyond it, down to the low-water mark, but of the room that is left beside what may not go
 * half stays in use. What cannot be made to fit evicts nothing.
 */
function excess({ statements, request }: GcContext, scan: BlobScan, goingBytes: number): number {
  const { maxBytes, neededBytes, kind } = request
  const stored = (statements.total.get() as BlobSum).bytes - goingBytes
  const fixed = stored - scan.fetchable.bytes
  const taken = stored + (fixed + neededBytes > maxBytes ? 0 : neededBytes)
  const isDue = kind === 'evict' ? taken > LOW_WATER * maxBytes : taken > maxBytes
  const target = Math.min(maxBytes, Math.max(LOW_WATER * maxBytes, (fixed + maxBytes) / 2))
  return isDue ? taken - target : 0
}

function describeBlobs(
  { statements, request }: GcContext,
  scan: BlobScan,
  unlisted: BlobSum,
  evicted: BlobSum,
): GcBlobs {
  return {
    total: { ...(statements.total.get() as BlobSum) },
    maxBytes: request.maxBytes,
    repodata: scan.repodata,
    onlyHere: scan.onlyHere,
    fetchable: minus(scan.fetchable, evicted),
    recent: minus(scan.allUnlisted, unlisted),
    unlisted,
    evicted,
  }
}

function minus(all: BlobSum, some: BlobSum): BlobSum {
  return some.count >= all.count ? NO_BLOBS : { count: all.count - some.count, bytes: all.bytes - some.bytes }
}

function fits({ request }: GcContext, { total }: GcBlobs): boolean {
  return total.bytes + request.neededBytes <= request.maxBytes
}

function toReported({ mirror, name, goes, reasons }: JudgedSnapshot): GcSnapshot {
  return { mirror, name, goes, reasons }
}

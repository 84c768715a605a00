import { ACTORS } from '../../model/actor.ts'
import { reconcileListing } from '../index-change.ts'
import { prepareWrites } from '../sql.ts'
import type { ListedMirror } from '../store.ts'
import { reconcileBlobs, removeBlobs } from './blob-removal.ts'
import { chooseEvicted, scanBlobs, sumBlobs, type BlobScan } from './blob-scan.ts'
import type { Removable } from './blob-table.ts'
import type { GcContext } from './gc-context.ts'
import { NO_BLOBS, type BlobSum, type GcBlobs, type GcReport, type GcSnapshot } from './gc-report.ts'
import { noteDoubt, readDoubt } from './gc-clock.ts'
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
  const { kind, reconcile, mirrors } = context.request
  if (kind === 'plan') return mirrors === undefined ? plan(context) : planWith(mirrors, context)
  context.inventory.dropTrash()
  if (reconcile) await reconcileBlobs(context)
  const wallDoubt = kind === 'collect' ? await noteDoubt(context) : undefined
  const snapshots = kind === 'collect' ? await retireSnapshots(context, wallDoubt) : []
  const report = (blobs: GcBlobs, packageRows: number): GcReport => ({
    dryRun: false,
    wallDoubt,
    snapshots: snapshots.map(toReported),
    packageRows,
    blobs,
    fits: fits(context, blobs),
  })
  const blobs = await removeUnneeded(context, tellWhenLate(context, report))
  const packageRows = kind === 'collect' ? await sweepPackages(context) : 0
  return report(blobs, packageRows)
}

/** Tells what is decided as soon as whoever asked has waited long enough; once. */
function tellWhenLate(
  { request: { answerAfterMs }, onDecided }: GcContext,
  report: (blobs: GcBlobs, packageRows: number) => GcReport,
): (describe: () => GcBlobs) => void {
  if (answerAfterMs === undefined || onDecided === undefined) return () => undefined
  const lateAt = performance.now() + answerAfterMs
  let told = false
  return (describe) => {
    if (told || performance.now() < lateAt) return
    told = true
    onDecided(report(describe(), 0))
  }
}

function plan(context: GcContext): GcReport {
  const wallDoubt = readDoubt(context)
  const snapshots = planRetirement(context, wallDoubt)
  const scan = scanBlobs(
    context,
    snapshots.filter(({ goes }) => goes),
  )
  const blobs = describeBlobs(context, scan, NOTHING, chooseGoing(context, scan))
  const planned = { ...blobs, deleting: NO_BLOBS }
  return {
    dryRun: true,
    wallDoubt,
    snapshots: snapshots.map(toReported),
    packageRows: 0,
    blobs: planned,
    fits: fits(context, planned),
  }
}

/** What would be done were these mirrors configured: they are so in a transaction that comes to nothing. */
function planWith(mirrors: readonly ListedMirror[], context: GcContext): GcReport {
  const { database, request } = context
  database.exec('BEGIN IMMEDIATE')
  try {
    reconcileListing(prepareWrites(database), mirrors, request.nowMs, { actor: ACTORS.configuration })
    return plan(context)
  } finally {
    database.exec('ROLLBACK')
  }
}

/** Blobs that go, or went. */
interface Going {
  readonly unlisted: readonly Removable[]
  readonly evicted: readonly Removable[]
}

const NOTHING: Going = { unlisted: [], evicted: [] }

function chooseGoing(context: GcContext, scan: BlobScan): Going {
  const { unlisted } = scan
  return { unlisted, evicted: chooseEvicted(scan, excess(context, scan, sumBlobs(unlisted).bytes)) }
}

/** Scans and removes; once more when a sync has published meanwhile, as what upstream has may be another by then. */
async function removeUnneeded(
  context: GcContext,
  onStep: (describe: () => GcBlobs) => void,
): Promise<GcBlobs> {
  const removed = { unlisted: [] as Removable[], evicted: [] as Removable[] }
  for (let scans = 1; ; scans += 1) {
    const scan = scanBlobs(context, [])
    const going = chooseGoing(context, scan)
    const remove = async (part: keyof Going, rest: Going) =>
      await removeBlobs(context, going[part], scan.token, {
        onGone: (gone) => removed[part].push(...gone),
        onStep: (left) => onStep(() => describeBlobs(context, scan, removed, { ...rest, [part]: left() })),
      })
    const held = (await remove('unlisted', going)) && (await remove('evicted', NOTHING))
    if (held || scans === MAX_SCANS) return describeBlobs(context, scan, removed, NOTHING)
  }
}

/**
 * Bytes to be evicted: none below the quota; beyond it, down to the low-water mark, but of the room that is left beside what may not go
 * half stays in use. What cannot be made to fit evicts nothing.
 */
function excess({ statements, request }: GcContext, scan: BlobScan, goingBytes: number): number {
  const { maxBytes, neededBytes, kind } = request
  const { bytes } = statements.total.get() as BlobSum
  const stored = Math.min(bytes, request.storedBytes ?? bytes) - goingBytes
  const fixed = bytes - goingBytes - scan.fetchable.bytes
  const taken = stored + (fixed + neededBytes > maxBytes ? 0 : neededBytes)
  const isDue = kind === 'evict' ? taken > LOW_WATER * maxBytes : taken > maxBytes
  const target = Math.min(maxBytes, Math.max(LOW_WATER * maxBytes, (fixed + maxBytes) / 2))
  return isDue ? taken - target : 0
}

/** @param left chosen to go, and still there */
function describeBlobs(
  { statements, request }: GcContext,
  scan: BlobScan,
  removed: Going,
  left: Going,
): GcBlobs {
  const unlisted = plus(sumBlobs(removed.unlisted), sumBlobs(left.unlisted))
  const evicted = plus(sumBlobs(removed.evicted), sumBlobs(left.evicted))
  const deleting = plus(sumBlobs(left.unlisted), sumBlobs(left.evicted))
  return {
    total: minus(statements.total.get() as BlobSum, deleting),
    maxBytes: request.maxBytes,
    repodata: scan.repodata,
    onlyHere: scan.onlyHere,
    fetchable: minus(scan.fetchable, evicted),
    recent: minus(scan.allUnlisted, unlisted),
    unlisted,
    evicted,
    deleting,
  }
}

function plus(some: BlobSum, more: BlobSum): BlobSum {
  return { count: some.count + more.count, bytes: some.bytes + more.bytes }
}

function minus(all: BlobSum, some: BlobSum): BlobSum {
  return some.count >= all.count ? NO_BLOBS : { count: all.count - some.count, bytes: all.bytes - some.bytes }
}

function fits({ request }: GcContext, { total }: GcBlobs): boolean {
  const stored = Math.min(total.bytes, request.storedBytes ?? total.bytes)
  return stored + request.neededBytes <= request.maxBytes
}

function toReported({ mirror, name, goes, reasons }: JudgedSnapshot): GcSnapshot {
  return { mirror, name, goes, reasons }
}

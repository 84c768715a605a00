import { BlobCache } from '../cache/blob-cache.ts'
import { DiskBlobStore } from '../cache/disk-blob-store.ts'
import { hasFewFiles, readFreeBytes, readFreeFiles } from '../cache/free-space.ts'
import { createLayout, type Layout } from '../cache/layout.ts'
import { Quota } from '../cache/quota.ts'
import type { Config } from '../config/config.ts'
import type { Digest } from '../model/digest.ts'
import { PinyonError, toPinyonError } from '../model/errors.ts'
import type { CacheView } from '../proxy/api-context.ts'
import { createGcRunner } from '../snapshot/gc/gc-runner.ts'
import { openDatabase } from '../snapshot/database.ts'
import { createInventoryRunner, createInventoryWriter } from '../snapshot/inventory/inventory-runner.ts'
import { InventoryWatch } from '../snapshot/inventory/inventory-state.ts'
import { refuseRebuilding } from '../snapshot/rebuild/rebuild-claim.ts'
import { findInThread, SoleRunner } from '../snapshot/sole/sole-runner.ts'
import { SqliteSnapshotStore } from '../snapshot/sqlite-snapshot-store.ts'
import { UsageRecorder } from '../snapshot/usage/usage-recorder.ts'
import { ViewSweeper } from '../snapshot/views/view-sweeper.ts'
import { Claims } from '../system/claims.ts'
import type { Logger } from '../system/logger.ts'
import { openMachineClock, type MachineClock } from '../system/machine-clock.ts'
import { makeDurableDirectory } from '../system/publish.ts'
import { Collector, type CollectorOptions } from './collector.ts'
import { InventoryKeeper } from './inventory-keeper.ts'
import { memoryShares } from './workers/worker-count.ts'

/** What a {@link Storage} is opened with. */
export interface StorageOptions {
  /** The running configuration; asked each time. */
  readonly config: () => Config
  readonly log: Logger
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** The machine's clocks; those of the system, and {@link now}, unless told. */
  readonly clock: MachineClock | undefined
  readonly maxViews: number | undefined
  readonly onRetired: CollectorOptions['onRetired']
  readonly onReport: CollectorOptions['onReport']
}

/** All that is kept below the data directory: snapshots, blobs, what is warm of them, and who collects what is not needed any more. */
export class Storage {
  readonly layout: Layout
  readonly claims: Claims
  readonly snapshots: SqliteSnapshotStore
  readonly blobs: DiskBlobStore
  readonly cache: BlobCache
  readonly quota: Quota
  /** Who uses what. */
  readonly usage: UsageRecorder
  readonly collector: Collector
  readonly sweeper: ViewSweeper
  readonly inventory: InventoryKeeper
  /** What views and mirrors hold alone. */
  readonly sole: SoleRunner

  private constructor(parts: Omit<Storage, 'close' | 'describeCache' | 'putAside' | 'room'>) {
    this.layout = parts.layout
    this.claims = parts.claims
    this.snapshots = parts.snapshots
    this.blobs = parts.blobs
    this.cache = parts.cache
    this.quota = parts.quota
    this.usage = parts.usage
    this.collector = parts.collector
    this.sweeper = parts.sweeper
    this.inventory = parts.inventory
    this.sole = parts.sole
  }

  /**
   * Opens it, making what is missing and sweeping what a crash left.
   * @throws PinyonError STORE_FAILED naming the directory
   */
  static async open(options: StorageOptions): Promise<Storage> {
    const { dataDir } = options.config()
    try {
      await makeDurableDirectory(dataDir)
      const layout = createLayout(dataDir)
      const claims = new Claims(layout.claims)
      try {
        refuseRebuilding(claims)
        return await openParts(layout, claims, options, (parts) => new Storage(parts))
      } catch (error) {
        // Nobody is to take this for a process that has the directory open.
        claims.close()
        throw error
      }
    } catch (error) {
      if (error instanceof PinyonError) throw error
      const advice = `it has to be a directory that this user (uid ${process.getuid?.() ?? 'unknown'}) may write`
      const message = `data_dir cannot be used: ${dataDir}: ${(error as Error).message}; ${advice}`
      throw new PinyonError('STORE_FAILED', message, { cause: error })
    }
  }

  /** Bytes stored and set aside, and the most that may be. */
  room(): { readonly used: number; readonly max: number } {
    return { used: this.snapshots.ledger.total().bytes + this.quota.reservedBytes, max: this.quota.maxBytes }
  }

  /** What is stored and how much may be, for people and for figures. */
  describeCache(maxBytes: number): CacheView & { readonly reserved_bytes: number } {
    const { count, bytes } = this.snapshots.ledger.total()
    const known = this.collector.lastReport?.blobs
    return {
      blobs: count,
      bytes,
      max_bytes: maxBytes,
      full: this.quota.isFull,
      few_inodes: hasFewFiles(this.layout.blobs),
      collecting: this.collector.isCollecting,
      only_here_bytes: known?.onlyHere.bytes ?? null,
      fetchable_bytes: known?.fetchable.bytes ?? null,
      repodata_bytes: known?.repodata.bytes ?? null,
      reserved_bytes: this.quota.reservedBytes,
    }
  }

  /** Puts a stored file aside that cannot be read. Not rejected: a disk that cannot be written either keeps it, and each request passes it through. */
  async putAside(digest: Digest, error: unknown, log: Logger): Promise<void> {
    const reason = toPinyonError(error).message
    const quarantined = await this.blobs.quarantine(digest).catch(() => undefined)
    log.error({ digest, reason, quarantined }, 'a stored file cannot be read')
  }

  /** Ends what runs in the background and closes everything. */
  async close(): Promise<void> {
    await this.sole.close()
    await this.collector.close()
    await this.sweeper.close()
    this.cache.close()
    await this.usage.close()
    await this.inventory.close()
    await this.snapshots.close()
    this.claims.close()
  }
}

async function openParts(
  layout: Layout,
  claims: Claims,
  options: StorageOptions,
  create: (parts: Omit<Storage, 'close' | 'describeCache' | 'putAside' | 'room'>) => Storage,
): Promise<Storage> {
  const { config, log, now } = options
  const clock = options.clock ?? openMachineClock(now)
  const snapshots = new SqliteSnapshotStore(layout.database, undefined, {
    clock,
    maxViews: options.maxViews,
    isServing: true,
    now,
  })
  const { ledger } = snapshots
  const storedBytes = () => ledger.total().bytes
  const maxBytes = () => {
    // What is being written is set aside, and no longer free.
    const stored = ledger.total()
    const onDisk = stored.bytes + quota.writtenBytes
    return Math.min(config().cache.maxBytes, onDisk + readFreeBytes(layout.blobs, stored))
  }
  const quota: Quota = new Quota({
    maxBytes,
    storedBytes,
    makeRoom: (bytes) => collector.makeRoom(bytes),
    onFull: (full) => {
      const found = {
        bytes: storedBytes(),
        maxBytes: maxBytes(),
        freeInodes: readFreeFiles(layout.blobs)?.free,
      }
      logFullness(log, full, found, hasFewFiles(layout.blobs))
    },
  })
  let isLooking = false
  const onVanished = (directory: string) => {
    // Of all that was removed together one line tells.
    if (isLooking) return
    isLooking = true
    log.error(
      { directory },
      'somebody has removed stored files: the directory is made again, and they are fetched again when they are asked for',
    )
    void collector.lookAgain().finally(() => (isLooking = false))
  }
  const blobs = await DiskBlobStore.open(layout, claims, { ledger, quota, onVanished })
  const cache = new BlobCache(blobs, { memoryBytes: memoryShares(config()).first })
  const run = createGcRunner({ dataDir: config().dataDir, processId: claims.processId })
  const usage = new UsageRecorder({
    store: snapshots.usage,
    now,
    onError: (error) => log.warn({ reason: toPinyonError(error).message }, 'usage not stored yet'),
  })
  const collector = new Collector({
    config,
    log,
    now,
    claims,
    maxBytes,
    ledger,
    cache,
    run,
    // What was used just now is not to be retired for want of use.
    flushUsage: () => usage.flush(),
    farmNowMs: () => snapshots.farmClock.nowMs(),
    onRetired: options.onRetired,
    onReport: options.onReport,
  })
  const sweeper = new ViewSweeper(snapshots.views, log)
  const inventory = new InventoryKeeper({
    watch: new InventoryWatch(openDatabase(layout.database)),
    run: createInventoryRunner(config().dataDir, now),
    runHere: createInventoryWriter(config().dataDir, now),
    claims,
    log,
  })
  const sole = new SoleRunner((of, signal) => {
    const { dataDir, retention: rules } = config()
    const request = { of, rules, nowMs: now(), farmNowMs: snapshots.farmClock.nowMs() }
    return findInThread(dataDir, request, signal)
  })
  return create({
    layout,
    claims,
    snapshots,
    blobs,
    cache,
    quota,
    usage,
    collector,
    sweeper,
    inventory,
    sole,
  })
}

function logFullness(log: Logger, full: boolean, found: object, isOfFiles: boolean): void {
  if (!full) return log.info(found, 'the cache has room again')
  const remedy = isOfFiles
    ? 'the file system of data_dir has too few free inodes: remove files there, or give data_dir one with more of them'
    : 'raise cache.max_size, or give data_dir a larger disk'
  log.error(
    found,
    `the cache is full of what may not go: packages are passed through and not kept; ${remedy}`,
  )
}

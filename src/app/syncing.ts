import pLimit from 'p-limit'

import type { Config } from '../config/config.ts'
import { type ErrorCode } from '../model/errors.ts'
import { noSuchMirror } from '../model/no-such-mirror.ts'
import { ExtraLooks } from '../snapshot/extras/extra-changes.ts'
import type { FarmWriter, SyncCheck } from '../snapshot/farm/farm.ts'
import { NO_DEFECTS, sumDefects, type MirrorDefects } from '../snapshot/farm/mirror-defects.ts'
import { createThreadRunner } from '../snapshot/ingest-runner.ts'
import type { ReadyThread } from '../snapshot/ready-thread.ts'
import { Scheduler } from '../snapshot/scheduler.ts'
import type { SnapshotReader } from '../snapshot/store.ts'
import { SyncBoard } from '../snapshot/sync-board.ts'
import type { SyncResult } from '../snapshot/sync.ts'
import type { Logger } from '../system/logger.ts'
import type { MirrorUpstreams } from '../upstream/arch-sources.ts'
import type { Figures } from './figures.ts'
import { logSync } from './log-sync.ts'
import type { MirrorLists } from './mirror-lists.ts'
import { hasSameSources, scheduledMirrors } from './mirrors.ts'
import { runMirrorSync, type SyncParts } from './run-sync.ts'
import { hasSameSignatures, type Signatures } from './signatures.ts'
import type { Storage } from './storage.ts'

/** Snapshots that are read and published at a time: each takes a thread and its memory, however many syncs wait for their upstreams. */
const PARALLEL_INGESTS = 4

/** Failures that say nothing about upstream: another process looks, or this one ends. */
const NO_LOOKS: ReadonlySet<ErrorCode> = new Set(['SYNC_RUNNING', 'SHUTTING_DOWN'])

/** What syncing is built from. */
export interface SyncingOptions {
  /** The running configuration. */
  readonly config: () => Config
  readonly storage: Storage
  /** The first ingest's thread, where one was started before anything else. */
  readonly early: ReadyThread | undefined
  /** Gives what ingests, a mirror at a time; a thread each unless told. */
  readonly createIngests?: SyncParts['createIngests'] | undefined
  readonly signatures: Signatures
  readonly lists: MirrorLists
  /** A mirror's sources; undefined for one that is not configured. */
  readonly upstreamOf: (mirror: string) => MirrorUpstreams | undefined
  /** A sync has ended well. */
  readonly onSynced: (result: SyncResult) => void
  readonly figures: Pick<Figures, 'countSync' | 'countRestart'>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly log: Logger
  /** Aborted when the server ends. */
  readonly signal: AbortSignal
}

/** Who looks upstream, when, and what comes of it. */
export class Syncing {
  /** Progress of running syncs. */
  readonly board = new SyncBoard()
  readonly #options: SyncingOptions
  readonly #scheduler: Scheduler
  readonly #extraLooks = new ExtraLooks()
  readonly #ingests = pLimit(PARALLEL_INGESTS)
  #ended = 0

  constructor(options: SyncingOptions) {
    this.#options = options
    const { storage, now } = options
    this.#scheduler = new Scheduler({
      sync: (mirror, actor) => this.#sync(mirror, actor),
      checkedAt: async (mirror) =>
        (await storage.snapshots.mirrors()).find(({ name }) => name === mirror)?.checkedAt,
      now,
      random: Math.random,
    })
  }

  /** Syncs every enabled mirror now and from then on at its interval. */
  start(): void {
    this.#scheduler.schedule(scheduledMirrors(this.#options.config()))
  }

  /** Another configuration runs: mirrors that come from elsewhere now, or trust others, are looked at now. */
  adopt(config: Config, before: Config, actor: string): void {
    this.#scheduler.schedule(scheduledMirrors(config))
    for (const mirror of config.mirrors.values()) {
      const old = before.mirrors.get(mirror.name)
      const isSame = hasSameSources(old, mirror) && hasSameSignatures(old, mirror)
      if (mirror.enabled && old?.enabled === true && !isSame)
        void this.#scheduler.sync(mirror.name, actor).catch(() => undefined)
    }
  }

  /**
   * Syncs one mirror now, on somebody's behalf, or joins the sync of it that runs.
   * @throws PinyonError NOT_FOUND for one that is not configured
   */
  async sync(mirror: string, actor: string): Promise<SyncResult> {
    if (this.#options.upstreamOf(mirror) === undefined)
      throw noSuchMirror(mirror, this.#options.config().mirrors.keys())
    return await this.#scheduler.sync(mirror, actor)
  }

  /** Mirrors whose sync waits or runs, in their order. */
  get asked(): readonly string[] {
    return this.#scheduler.asked
  }

  /** Those whose turn has not come. */
  get waiting(): readonly string[] {
    return this.#scheduler.waiting
  }

  /** How many syncs have ended, and been noted. */
  get ended(): number {
    return this.#ended
  }

  /** When a mirror is to be looked at next, in milliseconds since the epoch. */
  nextAt(mirror: string): number | undefined {
    return this.#scheduler.nextAt(mirror)
  }

  /** Begins no more syncs and waits for those that run. */
  async close(): Promise<void> {
    this.#options.early?.release()
    await this.#scheduler.close()
  }

  async #sync(mirror: string, actor: string): Promise<SyncResult> {
    const { createIngests = createThreadRunner } = this.#options
    const { config, storage, early, signatures, lists, upstreamOf, onSynced, figures, now, log, signal } =
      this.#options
    const upstreams = upstreamOf(mirror)
    const { dataDir, mirrors } = config()
    const settings = mirrors.get(mirror)
    // It waited its turn, and meanwhile went out of the configuration.
    if (upstreams === undefined || settings === undefined)
      return { mirror, outcome: 'failed', error: noSuchMirror(mirror, mirrors.keys()) }
    const [startedAt, startedAtMs] = [performance.now(), now()]
    const result = await runMirrorSync({
      settings,
      upstreams,
      signatures,
      lists,
      dataDir,
      processId: storage.claims.processId,
      early,
      createIngests,
      inTurn: this.#ingests,
      extraLooks: this.#extraLooks,
      store: storage.snapshots,
      blobs: storage.blobs,
      claims: storage.claims,
      now,
      signal,
      actor,
      onProgress: (progress) => this.board.report(progress),
      onRestart: () => figures.countRestart(),
    })
    this.board.end(mirror)
    if (result.outcome !== 'failed') onSynced(result)
    const durationMs = Math.round(performance.now() - startedAt)
    logSync(log, result, durationMs, await readDefects(storage.snapshots, result))
    const isLook = result.outcome !== 'failed' || !NO_LOOKS.has(result.error.code)
    if (isLook) figures.countSync(result, durationMs)
    await recordCheck(storage.snapshots.farm, result, { startedAt: startedAtMs, durationMs, actor })
    this.#ended += 1
    return result
  }
}

/** What is wrong in what was published. That it cannot be read just now does not undo the sync. */
async function readDefects(
  snapshots: Pick<SnapshotReader, 'defects'>,
  result: SyncResult,
): Promise<MirrorDefects> {
  if (result.outcome !== 'published') return NO_DEFECTS
  return await snapshots.defects(result.snapshot).then(sumDefects, () => NO_DEFECTS)
}

/** Notes how a look ended. The sync has been done: a database that cannot take that down does not undo it. */
async function recordCheck(
  farm: FarmWriter,
  result: SyncResult,
  facts: Pick<SyncCheck, 'startedAt' | 'durationMs' | 'actor'>,
): Promise<void> {
  const { mirror, outcome } = result
  if (result.outcome === 'failed' && NO_LOOKS.has(result.error.code)) return
  const check = {
    mirror,
    outcome,
    ...facts,
    bytes: result.outcome === 'published' ? result.bytes : 0,
    snapshot: result.outcome === 'failed' ? undefined : result.snapshot.name,
    reason: result.outcome === 'failed' ? result.error.message : undefined,
  }
  await farm.recordCheck(check).catch(() => undefined)
}

import type { BlobCache } from '../cache/blob-cache.ts'
import type { BlobLedger } from '../cache/blob-ledger.ts'
import type { Config } from '../config/config.ts'
import { PinyonError, toPinyonError } from '../model/errors.ts'
import type { GcRequest } from '../snapshot/gc/gc-context.ts'
import type { GcReport } from '../snapshot/gc/gc-report.ts'
import type { GcRunner } from '../snapshot/gc/gc-runner.ts'
import type { ListedMirror } from '../snapshot/store.ts'
import type { Claim, Claims } from '../system/claims.ts'
import type { Logger } from '../system/logger.ts'

/** What a {@link Collector} is built from. */
export interface CollectorOptions {
  readonly config: () => Config
  readonly log: Logger
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** The farm's clock, by which views expire. */
  readonly farmNowMs: () => number
  readonly claims: Pick<Claims, 'tryClaim' | 'find'>
  /** The most bytes that may be stored: what is configured, or less when the disk has less. */
  readonly maxBytes: () => number
  readonly ledger: BlobLedger
  readonly cache: Pick<BlobCache, 'takeUsed' | 'forget'>
  readonly run: GcRunner
  /** Enters who used what until now. */
  readonly flushUsage: () => Promise<void>
  /** Told when a collection has retired snapshots. */
  readonly onRetired: () => void
  /** Told what a collection, or making room, did. */
  readonly onReport: (report: GcReport, kind: 'collect' | 'evict') => void
}

/** Between two collections, in milliseconds. */
const COLLECT_INTERVAL_MS = 3_600_000
/** The first one lets a start, with its syncs, pass first. */
const FIRST_COLLECT_MS = 300_000
/** That of a directory of which nothing is entered. */
const UNKNOWN_COLLECT_MS = 5_000
/** When a process looks through the disk for the first time, so that whoever asks for a collection need not wait for that. */
const FIRST_LOOK_MS = 10_000
/** Who asks for a collection need not wait longer than this until what it does is decided, while it is done. In milliseconds. */
const ANSWER_AFTER_MS = 200
/** How late the use of a blob is entered, in milliseconds. */
const TOUCH_INTERVAL_MS = 30_000
/** A blob that no snapshot lists stays for so long after it was last needed: a slow sync may be about to list it. In milliseconds. */
const UNLISTED_MS = 6 * 3_600_000
/** For how long where space is short, which is from this share of the quota on. */
const UNLISTED_SHORT_MS = 3_600_000
const SHORT_OF_SPACE = 0.9

/** How to collect. */
export interface CollectOptions {
  readonly dryRun?: boolean
  readonly reconcile?: boolean
  /** Of a dry run: what is taken for configured; what is in force unless told. */
  readonly mirrors?: readonly ListedMirror[]
  /** False: whoever asks is told what is decided, and need not wait for large deletions. */
  readonly wait?: boolean
}

/** A collection that runs, or waits for its turn. */
interface Running {
  /** Resolves when it has ended. */
  readonly ended: Promise<GcReport>
  /** Resolves when it has ended, or takes long: then with what is decided. */
  readonly answered: Promise<GcReport>
}

type Wanted = Pick<GcRequest, 'kind' | 'neededBytes' | 'storedBytes' | 'reconcile' | 'mirrors'>

/** Decides when what is not needed any more is collected, and sees to it that only one process does it at a time. */
export class Collector {
  readonly #options: CollectorOptions
  readonly #stop = new AbortController()
  readonly #timers: NodeJS.Timeout[] = []
  /** What waits for its turn, by what is wanted. */
  readonly #waiting = new Map<string, Running>()
  #running: Promise<unknown> = Promise.resolve()
  #last: GcReport | undefined
  #isReconciled = false
  #isCollecting = false

  constructor(options: CollectorOptions) {
    this.#options = options
  }

  /** What the last collection of this process found; undefined before there was one. */
  get lastReport(): GcReport | undefined {
    return this.#last
  }

  /** Whether a collection of this process runs. */
  get isCollecting(): boolean {
    return this.#isCollecting
  }

  /** Collects from now on now and then, and enters which blobs are used. */
  start(): void {
    // Now and then also what is on the disk is looked at: an older version, or a power cut, leaves it another than what is entered.
    const collect = () => void this.collect({ reconcile: true }).catch(() => undefined)
    // Without any entry an older version may have filled the disk: until that is seen, nothing keeps within the quota.
    const isUnknown = this.#options.ledger.total().count === 0
    const first = setTimeout(
      () => {
        collect()
        this.#timers.push(setInterval(collect, COLLECT_INTERVAL_MS).unref())
      },
      isUnknown ? UNKNOWN_COLLECT_MS : FIRST_COLLECT_MS,
    ).unref()
    const look = setTimeout(() => void this.#look().catch(() => undefined), FIRST_LOOK_MS).unref()
    const touch = setInterval(
      () => void this.#enterUses().catch((error) => this.#tell(error)),
      TOUCH_INTERVAL_MS,
    ).unref()
    this.#timers.push(first, look, touch)
  }

  /**
   * Collects now; `dryRun` only tells what would go, `reconcile` looks through the files of the disk first. So does the first collection of
   * a process that has not looked through them since it started: an older version may have filled them. Otherwise that is left to the
   * background, as no collection needs it to be right: of a file that has vanished only the entry goes, and one that is not entered yet is
   * none that was ever served.
   * @throws PinyonError GC_RUNNING while another process does
   */
  async collect(options: CollectOptions = {}): Promise<GcReport> {
    const { dryRun = false, reconcile = false, wait = true, mirrors } = options
    const kind = dryRun ? 'plan' : 'collect'
    const looks = !dryRun && (reconcile || !this.#isReconciled)
    const { ended, answered } = this.#enqueue({
      kind,
      neededBytes: 0,
      reconcile: looks,
      ...(dryRun && mirrors !== undefined ? { mirrors } : {}),
    })
    return await (wait ? ended : answered)
  }

  /** Evicts until so many bytes fit; does nothing while another process collects. */
  async makeRoom(bytes: number): Promise<void> {
    const storedBytes = this.#options.ledger.total().bytes
    const wanted = { kind: 'evict', neededBytes: bytes, storedBytes, reconcile: false } as const
    const report = await this.#enqueue(wanted).ended
    const { unlisted, evicted } = report.blobs
    this.#options.log.info({ bytes, unlisted, evicted, fits: report.fits }, 'made room in the cache')
  }

  /** Looks through the disk once more: what is on it is not what it was. Later, where another process collects. */
  async lookAgain(): Promise<void> {
    this.#isReconciled = false
    await this.#look().catch(() => undefined)
  }

  /** Ends a collection that runs. What it has done stays done; the next one goes on. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#stop.abort(new PinyonError('SHUTTING_DOWN', 'the server is shutting down'))
    await this.#running.catch(() => undefined)
    await this.#enterUses().catch(() => undefined)
  }

  /** Looks through the disk, unless that was done. */
  async #look(): Promise<void> {
    if (!this.#isReconciled) await this.#enqueue({ kind: 'evict', neededBytes: 0, reconcile: true }).ended
  }

  /** From then on nothing that is remembered of them answers. */
  #noteRetired({ snapshots }: GcReport): void {
    if (snapshots.some(({ goes }) => goes)) this.#options.onRetired()
  }

  /** One after the other: they would only be in each other's way. Who asks for what waits for its turn already gets that. */
  #enqueue(wanted: Wanted): Running {
    const key = JSON.stringify(wanted)
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) return waiting
    const before = this.#running.catch(() => undefined)
    const { promise: decided, resolve: decide } = Promise.withResolvers<GcReport>()
    const ended = before.then(() => {
      this.#waiting.delete(key)
      return this.#run(wanted, decide)
    })
    const running = { ended, answered: Promise.race([decided, ended]) }
    // Nobody need wait for both.
    for (const promise of Object.values(running)) promise.catch(() => undefined)
    this.#waiting.set(key, running)
    this.#running = ended
    return running
  }

  #tell(error: unknown): void {
    const { code, message: reason } = toPinyonError(error)
    if (code !== 'SHUTTING_DOWN') this.#options.log.warn({ code, reason }, 'not collected')
  }

  /** @param decide told what is decided, when it takes long to do */
  async #run(wanted: Wanted, decide: (report: GcReport) => void): Promise<GcReport> {
    const claim = wanted.kind === 'plan' ? undefined : this.#claim()
    this.#isCollecting = wanted.kind !== 'plan'
    try {
      const isEntered = await this.#enterAll()
      // Without what was used just now nothing is retired for want of use. What can be freed is: the disk may be full.
      const kind = wanted.kind === 'collect' && !isEntered ? 'evict' : wanted.kind
      const report = await this.#options.run(this.#request({ ...wanted, kind }), {
        signal: this.#stop.signal,
        onRemoved: (digests) => {
          for (const digest of digests) this.#options.cache.forget(digest)
        },
        onDecided: (decided) => {
          this.#noteRetired(decided)
          decide(decided)
        },
      })
      if (kind === 'plan') return report
      if (wanted.reconcile) this.#isReconciled = true
      if (kind === 'collect') this.#last = report
      this.#noteRetired(report)
      this.#options.onReport(report, kind)
      if (wanted.kind === 'collect') this.#log(report)
      return report
    } catch (error) {
      // Who asks what would go is told why nobody knows.
      if (wanted.kind !== 'plan') this.#tell(error)
      throw error
    } finally {
      this.#isCollecting = false
      claim?.release()
    }
  }

  #request({ kind, neededBytes, storedBytes, reconcile, mirrors }: Wanted): GcRequest {
    const { config, maxBytes, ledger, now, farmNowMs } = this.#options
    const isShort = ledger.total().bytes + neededBytes > SHORT_OF_SPACE * maxBytes()
    return {
      kind,
      reconcile,
      rules: config().retention,
      maxBytes: maxBytes(),
      neededBytes,
      ...(storedBytes === undefined ? {} : { storedBytes }),
      ...(mirrors === undefined ? {} : { mirrors }),
      nowMs: now(),
      farmNowMs: farmNowMs(),
      unlistedMs: isShort ? UNLISTED_SHORT_MS : UNLISTED_MS,
      ...(kind === 'collect' ? { answerAfterMs: ANSWER_AFTER_MS } : {}),
    }
  }

  /** Throws GC_RUNNING. On a full disk nothing can be claimed; as a collection makes room on it, it then goes without. */
  #claim(): Claim | undefined {
    const { claims } = this.#options
    let claim: Claim | undefined
    try {
      claim = claims.tryClaim('gc')
    } catch (error) {
      if (toPinyonError(error).code !== 'NO_SPACE') throw error
      if (claims.find('gc') === undefined) return undefined
    }
    if (claim === undefined) throw new PinyonError('GC_RUNNING', 'another process is collecting')
    return claim
  }

  /** Enters who used what; false when the disk is too full for that. */
  async #enterAll(): Promise<boolean> {
    try {
      await this.#enterUses()
      await this.#options.flushUsage()
      return true
    } catch (error) {
      if (toPinyonError(error).code !== 'NO_SPACE') throw error
      return false
    }
  }

  async #enterUses(): Promise<void> {
    const { cache, ledger, now } = this.#options
    await ledger.touch(cache.takeUsed(), now())
  }

  #log({ snapshots, packageRows, blobs, fits, wallDoubt }: GcReport): void {
    if (wallDoubt !== undefined)
      this.#options.log.warn(
        { ...wallDoubt },
        'no snapshot is retired: the clock has run ahead of the time that passed',
      )
    const retired = snapshots.filter(({ goes }) => goes).length
    const { unlisted, evicted, total } = blobs
    this.#options.log.info({ retired, packageRows, unlisted, evicted, total, fits }, 'collected')
  }
}

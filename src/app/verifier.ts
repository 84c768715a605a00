import { readdir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'

import pLimit from 'p-limit'

import type { Digest } from '../model/digest.ts'
import { PinyonError, toPinyonError } from '../model/errors.ts'
import type { Content } from '../proxy/content.ts'
import { createFileReply } from '../proxy/reply.ts'
import type {
  ListedFile,
  VerifyFinding,
  VerifyProgress,
  VerifyReport,
  VerifyWalk,
} from '../snapshot/verify/verify-report.ts'
import type { VerifyRunner } from '../snapshot/verify/verify-runner.ts'
import type { Logger } from '../system/logger.ts'
import { removeFile } from '../system/publish.ts'
import type { Storage } from './storage.ts'

/** What a {@link Verifier} is built from. */
export interface VerifierOptions {
  readonly storage: Pick<Storage, 'layout' | 'snapshots' | 'blobs' | 'cache' | 'claims'>
  readonly content: Pick<Content, 'store'>
  readonly run: VerifyRunner
  readonly log: Logger
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Says that the server ends. */
  readonly signal: AbortSignal
  /** Told how many stored files were wrong. */
  readonly onCorrupt?: (count: number) => void
}

/** How to verify. */
export interface VerifyOptions {
  /** Only tell what is wrong. */
  readonly dryRun?: boolean
  readonly onProgress?: (progress: VerifyProgress) => void
}

/** Fetched at a time. */
const FETCHES_AT_ONCE = 4
/** For how long what was found wrong is kept, in milliseconds. */
const QUARANTINE_MS = 14 * 86_400_000

/** Reads everything that is stored, puts aside what is not what it should be, and fetches it again where a snapshot lists it. */
export class Verifier {
  readonly #options: VerifierOptions

  constructor(options: VerifierOptions) {
    this.#options = options
  }

  /**
   * Verifies all blobs. What has rotted is put into `<data_dir>/quarantine`, from where it goes after two weeks.
   * @throws PinyonError VERIFY_RUNNING while this or another process does
   */
  async verify({ dryRun = false, onProgress = () => undefined }: VerifyOptions = {}): Promise<VerifyReport> {
    const { storage, run, signal, log } = this.#options
    const claim = storage.claims.tryClaim('verify')
    if (claim === undefined) throw new PinyonError('VERIFY_RUNNING', 'the blobs are being verified already')
    try {
      if (!dryRun) await this.#emptyQuarantine()
      const walk = await run({ signal, onProgress })
      const limit = pLimit(FETCHES_AT_ONCE)
      const findings = await Promise.all(
        walk.findings.map((finding) => limit(() => (dryRun ? leave(finding) : this.#mend(finding)))),
      )
      if (!dryRun) this.#options.onCorrupt?.(findings.length)
      const broken = findings.filter(({ state }) => state === 'broken' || state === 'found').length
      log.info({ blobs: walk.blobs, bytes: walk.bytes, findings: findings.length, broken }, 'verified')
      return { blobs: walk.blobs, bytes: walk.bytes, findings, ok: broken === 0 }
    } finally {
      claim.release()
    }
  }

  async #mend(finding: VerifyWalk['findings'][number]): Promise<VerifyFinding> {
    const { digest, reason, hasFile, listed } = finding
    const { storage, log } = this.#options
    const { blobs, cache, layout } = storage
    const path = hasFile ? await blobs.quarantine(digest) : undefined
    if (!hasFile) await blobs.remove(digest)
    cache.forget(digest)
    const quarantined = path === undefined ? null : relative(join(layout.quarantine, '..'), path)
    const error = await this.#refetch(digest, listed)
    const state = listed.length === 0 ? 'unlisted' : error === null ? 'refetched' : 'broken'
    const [first] = listed
    log.warn(
      { digest, reason, quarantined, mirror: first?.mirror, path: first?.path, state, error },
      'blob was wrong',
    )
    return { digest, reason, quarantined, listed, state, error }
  }

  /** Why it cannot be had, from none of the mirrors that list it; null when it is there again, or nobody needs it. */
  async #refetch(digest: Digest, listed: readonly ListedFile[]): Promise<string | null> {
    let error: string | null = null
    for (const file of listed) {
      this.#options.signal.throwIfAborted()
      error = await this.#fetch(digest, file).then(
        () => null,
        (thrown: unknown) => toPinyonError(thrown).message,
      )
      if (error === null) return null
    }
    return error
  }

  async #fetch(digest: Digest, { mirror, snapshot: name, path }: ListedFile): Promise<void> {
    const { storage, content } = this.#options
    const store = storage.snapshots
    const snapshot = await store.snapshot(mirror, name)
    const file = snapshot === undefined ? undefined : await store.file(snapshot, path)
    // Retired meanwhile: nobody needs it any more.
    if (snapshot === undefined || file === undefined || file.digest !== digest) return
    await content.store(createFileReply(snapshot, { ...file, digest }, true))
  }

  async #emptyQuarantine(): Promise<void> {
    const { storage, now } = this.#options
    const { quarantine } = storage.layout
    const names = await readdir(quarantine).catch(() => [])
    for (const name of names) {
      const path = join(quarantine, name)
      const { ctimeMs } = await stat(path)
      if (now() - ctimeMs > QUARANTINE_MS) await removeFile(path)
    }
  }
}

function leave({ digest, reason, listed }: VerifyWalk['findings'][number]): VerifyFinding {
  return {
    digest,
    reason,
    quarantined: null,
    listed,
    state: listed.length === 0 ? 'unlisted' : 'found',
    error: null,
  }
}

import { existsSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'

import { checkBlobFile } from '../cache/blob-check.ts'
import { DiskBlobStore } from '../cache/disk-blob-store.ts'
import { blobPath, createLayout, temporaryPath, type Layout } from '../cache/layout.ts'
import type { Config } from '../config/config.ts'
import { splitArch, withoutArch } from '../model/arch.ts'
import type { Digest } from '../model/digest.ts'
import { PinyonError, toPinyonError } from '../model/errors.ts'
import { captureRecord } from '../snapshot/capture-record.ts'
import { openDatabase } from '../snapshot/database.ts'
import { readInventory } from '../snapshot/inventory/inventory-reader.ts'
import { EVERYTHING } from '../snapshot/inventory/inventory-state.ts'
import { writeInventory } from '../snapshot/inventory/inventory-writer.ts'
import { claimRebuild } from '../snapshot/rebuild/rebuild-claim.ts'
import type { RebuildProgress, RebuildReport } from '../snapshot/rebuild/rebuild-report.ts'
import { rebuildDatabase } from '../snapshot/rebuild/rebuild.ts'
import type { WantedFile } from '../snapshot/rebuild/restore-mirror.ts'
import { Claims } from '../system/claims.ts'
import { moveFile, removeFile, syncDirectory } from '../system/publish.ts'
import { openSources } from './mirror-lists.ts'
import { upstreamsFor } from '../upstream/arch-sources.ts'
import type { MirrorUpstream } from '../upstream/mirror-upstream.ts'
import { Network } from '../upstream/network.ts'

/** How to make a database anew. */
export interface RebuilderOptions {
  readonly config: Config
  /** Only tell what could be restored from what is there. */
  readonly dryRun: boolean
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly signal: AbortSignal
  readonly onProgress: (progress: RebuildProgress) => void
}

/** What was done, as the command tells it. */
export interface Rebuilt extends RebuildReport {
  /** Where the database is that was there before; null when there was none, or nothing was to be changed. */
  readonly previous: string | null
  /** Where the inventory is that this was made from; null when nothing was to be changed. */
  readonly inventory: string | null
}

/** A database has these beside it while it is open, or after a crash. */
const SUFFIXES = ['', '-wal', '-shm'] as const

/**
 * Makes the database of a data directory anew from its inventory and blobs. The old one is moved aside once the new one is whole; a kill
 * before that leaves everything as it was.
 * @throws PinyonError STORE_FAILED while another process has the directory open, or where there is no inventory
 */
export async function rebuild(options: RebuilderOptions): Promise<Rebuilt> {
  const layout = createLayout(options.config.dataDir)
  await mkdir(options.config.dataDir, { recursive: true })
  const claims = new Claims(layout.claims)
  try {
    const claim = claimRebuild(claims)
    try {
      return await rebuildAlone(options, layout, claims)
    } finally {
      claim.release()
    }
  } finally {
    claims.close()
  }
}

async function rebuildAlone(options: RebuilderOptions, layout: Layout, claims: Claims): Promise<Rebuilt> {
  const { dryRun, now, onProgress } = options
  const inventory = readInventory(layout.inventory)
  if (inventory === undefined) throw describeAbsence(layout)
  const blobs = await DiskBlobStore.open(layout, claims)
  const files = new RepodataFiles(options, layout, blobs)
  const file = `${layout.database}.new`
  let serial = 0
  try {
    await removeDatabase(file)
    const report = await rebuildDatabase({
      layout,
      inventory,
      file,
      blobs,
      scratchFile: () => temporaryPath(layout, claims.processId, 'rebuild', (serial += 1)),
      obtain: (mirror, wanted, arches) => files.obtain(mirror, wanted, arches),
      nowMs: now(),
      onProgress,
    })
    const { refetched } = files
    if (dryRun) return { ...report, refetched, previous: null, inventory: null }
    return { ...report, refetched, ...(await putInPlace(file, layout, now())) }
  } finally {
    await removeDatabase(file)
    await files.close()
  }
}

/** What of the repodata is right, or can be made so. */
class RepodataFiles {
  refetched = 0
  readonly #options: RebuilderOptions
  readonly #layout: Layout
  readonly #blobs: DiskBlobStore
  readonly #sources: ReturnType<typeof openSources>
  /** What was found of each, so that none is read twice. */
  readonly #found = new Map<Digest, string | undefined>()

  constructor(options: RebuilderOptions, layout: Layout, blobs: DiskBlobStore) {
    this.#options = options
    this.#layout = layout
    this.#blobs = blobs
    this.#sources = openSources(options.config, { network: new Network() })
  }

  /** Reads a file and holds it against its digest; what is wrong goes to quarantine and is asked for upstream. Gives why it cannot be had. */
  async obtain(
    mirror: string,
    file: WantedFile,
    arches: readonly string[] | undefined,
  ): Promise<string | undefined> {
    const { digest } = file
    if (this.#found.has(digest)) return this.#found.get(digest)
    const checked = checkBlobFile(blobPath(this.#layout, digest), digest)
    let reason = checked === undefined ? 'it is not stored' : checked.wrong
    if (reason !== undefined && !this.#options.dryRun) {
      if (checked !== undefined) await this.#blobs.quarantine(digest)
      reason = await this.#fetch(mirror, file, arches, reason)
    }
    this.#found.set(digest, reason)
    return reason
  }

  async close(): Promise<void> {
    await this.#sources.close()
  }

  async #fetch(
    mirror: string,
    file: WantedFile,
    arches: readonly string[] | undefined,
    reason: string,
  ): Promise<string | undefined> {
    const sources = this.#sources.upstreams.get(mirror)
    const arch = arches && splitArch(file.path, arches)?.arch
    const upstreams = sources === undefined ? [] : upstreamsFor(sources, { arch })
    let failure: string | undefined
    for (const upstream of upstreams) {
      failure = await this.#fetchFrom(upstream, { ...file, path: withoutArch(file.path, arches) }, reason)
      if (failure === undefined) return undefined
    }
    return failure ?? `${reason}, and its mirror is not configured`
  }

  async #fetchFrom(
    upstream: MirrorUpstream,
    { path: href, type, digest: checksum, size }: WantedFile,
    reason: string,
  ): Promise<string | undefined> {
    const { signal } = this.#options
    try {
      const context = { upstream, blobs: this.#blobs, signal, onFile: () => undefined }
      const captured = await captureRecord(context, { href, type, checksum, size }, async () => false)
      if (captured.file.digest === undefined) return `${reason}, and upstream no longer has it`
      this.refetched += 1
      return undefined
    } catch (error) {
      const failure = toPinyonError(error)
      if (failure.kind.source !== 'upstream') throw error
      return `${reason}, and upstream: ${failure.message}`
    }
  }
}

/** Moves the old database aside and the new one to its name. In between there is none, which every start refuses and this mends. */
async function putInPlace(
  file: string,
  layout: Layout,
  nowMs: number,
): Promise<Pick<Rebuilt, 'previous' | 'inventory'>> {
  const handle = await open(file, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
  const aside = `${layout.database}.${new Date(nowMs).toISOString().replace(/[:.]/g, '-')}`
  const had = SUFFIXES.filter((suffix) => existsSync(layout.database + suffix))
  for (const suffix of had) moveFile(layout.database + suffix, aside + suffix)
  moveFile(file, layout.database)
  await syncDirectory(dirname(layout.database))
  const database = openDatabase(layout.database)
  try {
    // It is another database: what this was made from is kept.
    const target = { database, directory: layout.inventory, nowMs }
    const { setAside = null } = await writeInventory(target, EVERYTHING)
    return { previous: had.length === 0 ? null : aside, inventory: setAside }
  } finally {
    database.close()
  }
}

async function removeDatabase(file: string): Promise<void> {
  for (const suffix of SUFFIXES) await removeFile(file + suffix)
}

function describeAbsence({ inventory, database }: Layout): PinyonError {
  const what = `names and times of snapshots, and which were current when, are in the database and its inventory alone, so that nothing can be restored without either`
  const ways = `Put a copy of ${inventory} or of ${database} there; else move ${database} away and start: mirrors are synced anew, and packages on the disk that they list are found again`
  return new PinyonError('STORE_FAILED', `${what}. ${ways}. There is no inventory: ${inventory}`)
}

import type { BlobStore } from '../cache/blob-store.ts'
import type { ExtraWishes } from '../model/extra-files.ts'
import { PinyonError, toPinyonError, type ErrorCode } from '../model/errors.ts'
import type { RepomdRecord } from '../model/repodata.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Claims } from '../system/claims.ts'
import { giveBack } from '../system/pieces.ts'
import { downloadOnce } from './one-download.ts'
import type { SignatureCheck } from './keys/await-signature.ts'
import type { CandidateFile, Defect } from './store.ts'

/** How often a file is tried that an unchanged repomd.xml names and upstream does not have right: of many sources each once, but not more. */
const MIN_TRIES = 3
const MAX_TRIES = 8
/** Stated sizes can be wrong, so a file may be larger; but not without bound, whatever repomd.xml says. */
const SIZE_TOLERANCE = 4
const MIN_SIZE_LIMIT = 64 << 20
const MAX_SIZE_LIMIT = 8 * 2 ** 30

/** Between two words about growth: each wakes a thread, and is kept until that comes to it. */
const GROWTH_BYTES = 1 << 20

/** Absent or wrong though named, rather than not to be had just now. */
const MISTAKES: readonly ErrorCode[] = ['UPSTREAM_GONE', 'DIGEST_MISMATCH', 'UPSTREAM_OVERSIZE']

/** What a capture needs. */
export interface CaptureContext {
  readonly upstream: Upstream
  readonly blobs: BlobStore
  /** By which two syncs do not fetch one file; absent where there is no other. */
  readonly claims?: Pick<Claims, 'tryClaim'>
  readonly signal: AbortSignal
  /** Told of each file: bytes it brought, 0 when it was there already. */
  readonly onFile: (bytes: number) => void
  /** How the signature is verified before anything else is fetched; absent: it is not. */
  readonly signature?: SignatureCheck
  /** Files beside those that repomd.xml names, to be pinned as they are. */
  readonly extraFiles?: ExtraWishes
  /** Has primary read while it is fetched; absent: nobody does. */
  readonly readAhead?: ReadAhead
}

/** Said of a file while it is fetched. */
export interface Growth {
  /** So many of its bytes are there. */
  readonly written: number
  /** Whether these are all, and have its digest: a job alone may be of what another attempt has brought. */
  readonly isVerified: boolean
}

/** Has a file read that is being written; gives whom to tell how it grows, where somebody does. */
export type ReadAhead = (
  record: RepomdRecord & { readonly size: number },
  location: string,
) => ((growth: Growth) => void) | undefined

/** A file of a capture, and what is wrong with it. */
export interface CapturedFile {
  readonly file: CandidateFile
  readonly defects: readonly Defect[]
}

/** Ends a capture whose repomd.xml is no longer upstream's. */
export class Moved extends Error {}

/**
 * Brings one file that repomd.xml names into the blob store, unless it is there. One that upstream does not have right in several
 * tries is given without a digest, with the defect `missing`.
 * @param hasMoved asks upstream whether repomd.xml is another one by now
 * @throws Moved when it is; PinyonError when upstream has trouble that may pass
 */
export async function captureRecord(
  context: CaptureContext,
  record: RepomdRecord,
  hasMoved: () => Promise<boolean>,
): Promise<CapturedFile> {
  const { href: path, type, checksum: digest } = record
  const tries = Math.min(MAX_TRIES, Math.max(MIN_TRIES, context.upstream.baseurls.length))
  for (let attempt = 1; ; attempt += 1) {
    try {
      const size = await obtain(context, record, attempt)
      return { file: { path, type, digest, size }, defects: sizeDefects(record, size) }
    } catch (error) {
      context.signal.throwIfAborted()
      const failure = toPinyonError(error)
      if (failure.kind.source !== 'upstream') throw failure
      if (await hasMoved().catch(() => false)) throw new Moved()
      const isMistake = MISTAKES.includes(failure.code)
      // A body that broke off is worth another try; an answer that did not come had its retries already.
      if (!isMistake && (failure.code !== 'UPSTREAM_SHORT' || attempt === tries)) throw failure
      if (attempt < tries) continue
      const message = `repomd.xml names it, and in ${tries} tries upstream did not have it right: ${failure.message}`
      const file = { path, type, digest: undefined, size: record.size ?? 0 }
      return { file, defects: [{ path, kind: 'missing', message }] }
    }
  }
}

async function obtain(context: CaptureContext, record: RepomdRecord, attempt: number): Promise<number> {
  let size = 0
  const download = async () => void (size = await downloadRecord(context, record, attempt))
  const stored = await downloadOnce(context, record.checksum, download)
  if (stored === undefined) return size
  context.onFile(0)
  return stored
}

function sizeDefects(record: RepomdRecord, size: number): Defect[] {
  if (record.size === undefined || record.size === size) return []
  const message = `repomd.xml says ${record.size} bytes, the file with the right checksum has ${size}`
  return [{ path: record.href, kind: 'size', message }]
}

async function downloadRecord(
  context: CaptureContext,
  record: RepomdRecord,
  attempt: number,
): Promise<number> {
  const { upstream, blobs, signal } = context
  const stated = SIZE_TOLERANCE * (record.size ?? 0)
  const maxBytes = Math.min(MAX_SIZE_LIMIT, Math.max(MIN_SIZE_LIMIT, stated))
  // Before upstream is asked: a body that nobody can store would hold its connection.
  const writer = await blobs.create({ digest: record.checksum, essential: true })
  try {
    const { href, checksum: digest } = record
    const { body } = await upstream.get(href, {
      signal,
      digest,
      firstBaseurl: attempt - 1,
      isFresh: attempt > 1,
    })
    const grow = attempt === 1 ? startReading(context, record, writer.location) : undefined
    let toldBytes = 0
    for await (const chunk of body) {
      if (writer.written + chunk.length > maxBytes)
        throw new PinyonError('UPSTREAM_OVERSIZE', `${href} is larger than: ${maxBytes} bytes`)
      await writer.write(chunk)
      giveBack(chunk)
      if (writer.written < toldBytes + GROWTH_BYTES) continue
      toldBytes = writer.written
      grow?.({ written: toldBytes, isVerified: false })
    }
    try {
      writer.verify()
    } catch (error) {
      body.judge?.(false)
      throw error
    }
    body.judge?.(true)
    grow?.({ written: writer.written, isVerified: true })
    await writer.publish()
    context.onFile(writer.written)
    return writer.written
  } finally {
    await writer.close()
  }
}

function startReading(
  { readAhead }: CaptureContext,
  record: RepomdRecord,
  location: string,
): ReturnType<ReadAhead> {
  const { type, size } = record
  return type === 'primary' && size !== undefined ? readAhead?.({ ...record, size }, location) : undefined
}

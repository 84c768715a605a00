import pLimit from 'p-limit'

import type { BlobStore } from '../cache/blob-store.ts'
import type { Digest } from '../model/digest.ts'
import { PinyonError, toPinyonError } from '../model/errors.ts'
import type { Repomd, RepomdRecord } from '../model/repodata.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { REPOMD_PATH, fetchCompanion, fetchRepomd, type FetchedRepomd } from './repomd-source.ts'
import type { CandidateFile, Defect } from './store.ts'

/** Files of one mirror fetched at once. */
const PARALLEL_FILES = 4
/** How often a file is tried that an unchanged repomd.xml names and upstream does not have right. */
const TRIES = 3
/** Stated sizes can be wrong, so a file may be larger; but not without bound. */
const SIZE_TOLERANCE = 4
const MIN_SIZE_LIMIT = 64 << 20

/** What a capture needs. */
export interface CaptureContext {
  readonly upstream: Upstream
  readonly blobs: BlobStore
  readonly signal: AbortSignal
  /** Told of each file: bytes it brought, 0 when it was there already. */
  readonly onFile: (bytes: number) => void
}

/** The repodata files of one generation, all of them blobs. */
export interface Capture {
  readonly files: readonly CandidateFile[]
  readonly defects: readonly Defect[]
}

/**
 * Brings every file that a repomd.xml names into the blob store, verified, and reads repomd.xml once more at the end: undefined when
 * upstream has published another generation meanwhile, so that what was fetched may be of both.
 */
export async function captureFiles(
  context: CaptureContext,
  fetched: FetchedRepomd,
  repomd: Repomd,
): Promise<Capture | undefined> {
  const stop = new AbortController()
  const signal = AbortSignal.any([context.signal, stop.signal])
  const scoped = { ...context, signal }
  const limit = pLimit(PARALLEL_FILES)
  const records = [...new Map(repomd.records.map((record) => [record.href, record])).values()]
  try {
    const results = await Promise.all([
      ...records.map((record) => limit(() => captureRecord(scoped, fetched, record))),
      ...['.asc', '.key'].map((suffix) => limit(() => captureCompanion(scoped, fetched, suffix))),
    ])
    if (await hasMoved(scoped, fetched)) return undefined
    const own = await storeBytes(context.blobs, fetched.bytes, fetched.seen.digest)
    const found = results.filter((result) => result !== undefined)
    return {
      files: [{ path: REPOMD_PATH, type: 'repomd', ...own }, ...found.map(({ file }) => file)],
      defects: found.flatMap(({ defects }) => defects),
    }
  } catch (error) {
    if (error instanceof Moved) return undefined
    throw error
  } finally {
    // Whatever still runs after a failure ends with it.
    stop.abort()
    limit.clearQueue()
  }
}

/** Ends a capture whose repomd.xml is no longer upstream's. */
class Moved extends Error {}

interface CapturedFile {
  readonly file: CandidateFile
  readonly defects: readonly Defect[]
}

async function captureRecord(
  context: CaptureContext,
  fetched: FetchedRepomd,
  record: RepomdRecord,
): Promise<CapturedFile> {
  const { href: path, type, checksum: digest } = record
  for (let attempt = 0; ; attempt += 1) {
    try {
      const size = (await storedSize(context.blobs, digest)) ?? (await download(context, record, attempt))
      return { file: { path, type, digest, size }, defects: sizeDefects(record, size) }
    } catch (error) {
      context.signal.throwIfAborted()
      const failure = toPinyonError(error)
      if (!isUpstreamsMistake(failure)) throw failure
      if (await hasMoved(context, fetched)) throw new Moved()
      if (attempt + 1 < TRIES) continue
      const message = `repomd.xml names it, and in ${TRIES} tries upstream did not have it right: ${failure.message}`
      const file = { path, type, digest: undefined, size: record.size ?? 0 }
      return { file, defects: [{ path, kind: 'missing', message }] }
    }
  }
}

/** Absent or wrong though named, rather than not to be had just now. */
function isUpstreamsMistake(failure: PinyonError): boolean {
  return ['UPSTREAM_GONE', 'DIGEST_MISMATCH', 'UPSTREAM_SHORT', 'UPSTREAM_OVERSIZE'].includes(failure.code)
}

function sizeDefects(record: RepomdRecord, size: number): Defect[] {
  if (record.size === undefined || record.size === size) return []
  const message = `repomd.xml says ${record.size} bytes, the file with the right checksum has ${size}`
  return [{ path: record.href, kind: 'size', message }]
}

async function storedSize(blobs: BlobStore, digest: Digest): Promise<number | undefined> {
  const blob = await blobs.open(digest)
  blob?.close()
  return blob?.size
}

async function download(context: CaptureContext, record: RepomdRecord, attempt: number): Promise<number> {
  const { upstream, blobs, signal } = context
  const reply = await upstream.get(record.href, { signal, firstBaseurl: attempt })
  const maxBytes = Math.max(MIN_SIZE_LIMIT, SIZE_TOLERANCE * (record.size ?? 0))
  const writer = await blobs.create({ digest: record.checksum })
  try {
    for await (const chunk of reply.body) {
      if (writer.written + chunk.length > maxBytes)
        throw new PinyonError('UPSTREAM_OVERSIZE', `${record.href} is larger than: ${maxBytes} bytes`)
      await writer.write(chunk)
    }
    await writer.publish()
    context.onFile(writer.written)
    return writer.written
  } finally {
    await writer.close()
  }
}

async function captureCompanion(
  context: CaptureContext,
  fetched: FetchedRepomd,
  suffix: string,
): Promise<CapturedFile | undefined> {
  const path = REPOMD_PATH + suffix
  const companion = await fetchCompanion(context.upstream, path, fetched.seen.baseurl, context.signal)
  if (companion === undefined) return undefined
  const stored = await storeBytes(context.blobs, companion.bytes, companion.digest)
  return { file: { path, type: suffix === '.asc' ? 'signature' : 'key', ...stored }, defects: [] }
}

async function storeBytes(
  blobs: BlobStore,
  bytes: Buffer,
  digest: Digest,
): Promise<{ digest: Digest; size: number }> {
  if ((await storedSize(blobs, digest)) === undefined) {
    const writer = await blobs.create({ digest, size: bytes.length })
    try {
      await writer.write(bytes)
      await writer.publish()
    } finally {
      await writer.close()
    }
  }
  return { digest, size: bytes.length }
}

async function hasMoved(context: CaptureContext, fetched: FetchedRepomd): Promise<boolean> {
  const { upstream, signal } = context
  return (await fetchRepomd(upstream, fetched.seen, { signal, sameSource: true })) !== undefined
}

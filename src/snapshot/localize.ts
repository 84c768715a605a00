import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

import type { BlobStore } from '../cache/blob-store.ts'
import {
  digestAlgorithm,
  digestHex,
  digestOf,
  finishDigest,
  startDigest,
  type Digest,
} from '../model/digest.ts'
import { localizePrimary } from '../repodata/primary-localizer.ts'
import { hasBase, localizeRepomd, type NewPrimary } from '../repodata/repomd-localizer.ts'
import { Spool } from '../system/spool.ts'
import { readWhole } from './read-blob.ts'
import { OpenFile, listChecks, type CheckedFile } from './repodata-check.ts'
import { REPOMD_PATH } from './repomd-source.ts'
import { storeBytes } from './store-bytes.ts'
import type { Candidate, CandidateFile, Defect } from './store.ts'

// Metadata may say that packages are on another server (xml:base), and clients then go there, past this one. Where nobody has signed them,
// they are rewritten: primary without xml:base, each package with an href of its own below the snapshot (model/based-href.ts), in gzip, which
// every client reads, under a name that begins with its checksum, and repomd.xml with that. The same upstream bytes give the same.

/** Compressed bytes in one piece: each takes a turn of the event loop and a write. */
const GZIP_BYTES = 32 << 10

/** Captured repodata on their way into a snapshot. */
export interface Captured {
  readonly candidate: Candidate
  /** What repomd.xml says of the primary and the other files, uncompressed. */
  readonly checks: readonly CheckedFile[]
  /** Rewrite what leads clients to other servers, unless it is signed; else it is left as it is. */
  readonly localize?: boolean
}

/** Where metadata are rewritten. */
export interface LocalizeContext {
  readonly blobs: BlobStore
  /** A path where nothing is, for bytes that wait to be stored; needed where a job is to be rewritten. */
  readonly spoolFile?: () => string
}

/** Whether a job's metadata are rewritten where they lead elsewhere. */
export function isLocalized({ candidate, localize: isWanted = false }: Captured): boolean {
  const isSigned =
    candidate.signature !== undefined ||
    candidate.files.some(({ type, digest }) => type === 'signature' && digest !== undefined)
  return isWanted && !isSigned && candidate.xmlBase === undefined
}

/** Whether a record of repomd.xml says to be elsewhere. */
export async function hasBasedRecord({ candidate }: Captured, blobs: BlobStore): Promise<boolean> {
  const repomd = findRepomd(candidate.files)
  return repomd !== undefined && hasBase(await readWhole(blobs, repomd))
}

/** The defect of a repomd.xml whose records say so and that is left as it is. */
export function describeBasedRecord(): Defect {
  const message = 'records of it have an xml:base: clients that heed it fetch them past this server'
  return { path: REPOMD_PATH, kind: 'base', message }
}

/** The same job with rewritten metadata, stored. Throws REPODATA_MALFORMED for a primary that cannot be read to its end. */
export async function localize<Job extends Captured>(job: Job, context: LocalizeContext): Promise<Job> {
  const { candidate } = job
  const { blobs } = context
  const repomdFile = findRepomd(candidate.files)
  const primary = job.checks.find(({ type }) => type === 'primary')
  if (repomdFile === undefined || primary === undefined) throw new Error('nothing was captured to rewrite')
  const before = await readWhole(blobs, repomdFile)
  const replaced = await localizeFile(context, primary)
  const after = localizeRepomd(before, replaced)
  const own = { path: REPOMD_PATH, type: 'repomd' }
  // Few repositories come here, and every thread that reads one would load an XML parser.
  const { parseRepomd } = await import('../repodata/repomd.ts')
  const repomd = parseRepomd(after)
  const named = new Set(repomd.records.map(({ href }) => href))
  const files = [
    await storeBytes(blobs, own, after, digestOf(after)),
    ...(replaced === undefined
      ? []
      : [{ path: replaced.href, type: 'primary', digest: replaced.checksum, size: replaced.size }]),
    ...candidate.files.filter(
      ({ path, type }) => named.has(path) || ['signature', 'key', 'extra'].includes(type),
    ),
  ]
  // What upstream says wrongly of its primary is said of the one in its place.
  const moved = candidate.defects.map((one) =>
    one.path === replaced?.oldHref ? { ...one, path: replaced.href } : one,
  )
  const all = [...moved, ...(replaced?.defects ?? [])]
  const defects = all.filter(({ path, kind }) => kind === 'extra' || files.some((file) => file.path === path))
  return {
    ...job,
    candidate: { ...candidate, files, defects, xmlBase: 'rewritten' },
    checks: listChecks(repomd, files),
  }
}

/** A primary that was rewritten, and what repomd.xml says wrongly of the one that it was made from. */
interface LocalizedPrimary extends NewPrimary {
  readonly defects: readonly Defect[]
}

/** Stores a primary rewritten; undefined when that changes nothing. A blob needs its digest first, so that the bytes wait in a spool. */
async function localizeFile(
  { blobs, spoolFile }: LocalizeContext,
  primary: CheckedFile,
): Promise<LocalizedPrimary | undefined> {
  if (spoolFile === undefined) throw new Error('there is no place to rewrite a primary')
  const algorithm = digestAlgorithm(primary.digest)
  const openAlgorithm = digestAlgorithm(primary.openChecksum ?? primary.digest)
  const [hash, openHash] = [startDigest(algorithm), startDigest(openAlgorithm)]
  let [size, openSize, hasChanged] = [0, 0, false]
  // Its own checksum is made while others compress: nobody will see these bytes, but whether upstream tells the truth of them.
  const open = new OpenFile(primary)
  const measure = async function* () {
    for await (const chunk of localizePrimary(open.read(blobs), () => (hasChanged = true))) {
      openSize += chunk.length
      openHash.update(chunk)
      yield chunk
    }
  }
  const spool = await Spool.open(spoolFile())
  try {
    for await (const chunk of gzip(measure())) {
      size += chunk.length
      hash.update(chunk)
      await spool.write(chunk)
    }
    if (!hasChanged) return undefined
    const digest = finishDigest(algorithm, hash)
    if ((await blobs.keep(digest)) === undefined) await store(blobs, digest, size, spool.read())
    const directory = primary.path.slice(0, primary.path.lastIndexOf('/') + 1)
    const href = `${directory}${digestHex(digest)}-primary.xml.gz`
    return {
      oldHref: primary.path,
      href,
      checksum: digest,
      size,
      openChecksum: finishDigest(openAlgorithm, openHash),
      openSize,
      defects: open.defects().map((defect) => ({ ...defect, path: href })),
    }
  } finally {
    await spool.close()
  }
}

async function store(
  blobs: BlobStore,
  digest: Digest,
  size: number,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  const writer = await blobs.create({ digest, size, essential: true })
  try {
    for await (const chunk of chunks) await writer.write(chunk)
    await writer.publish()
  } finally {
    await writer.close()
  }
}

async function* gzip(source: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  const gzipped = createGzip({ level: 6, chunkSize: GZIP_BYTES })
  const written = pipeline(source, gzipped)
  // Told by the reading below, or after it.
  written.catch(() => undefined)
  yield* gzipped as AsyncIterable<Uint8Array>
  await written
}

function findRepomd(files: readonly CandidateFile[]): CandidateFile | undefined {
  return files.find(({ type, digest }) => type === 'repomd' && digest !== undefined)
}

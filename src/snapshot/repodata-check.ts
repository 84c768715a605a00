import type { BlobStore } from '../cache/blob-store.ts'
import { digestAlgorithm, finishDigest, startDigest, type Digest } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import type { Repomd, RepomdRecord } from '../model/repodata.ts'
import { decompress } from '../repodata/decompress.ts'
import type { CandidateFile, Defect } from './store.ts'

/** A captured repodata file and what repomd.xml says of it uncompressed. */
export interface CheckedFile {
  readonly path: string
  readonly type: string
  readonly digest: Digest
  readonly openSize?: number
  readonly openChecksum?: Digest
}

/** What is to be checked of the captured files of a repomd.xml: those that could be had. */
export function listChecks(repomd: Repomd, captured: readonly CandidateFile[]): CheckedFile[] {
  const files = new Map(captured.map((file) => [file.path, file]))
  return repomd.records.flatMap((record): CheckedFile[] => {
    const digest = files.get(record.href)?.digest
    if (digest === undefined) return []
    return [toCheck(record, digest)]
  })
}

/** What is to be checked of one file. */
export function toCheck({ href, type, openSize, openChecksum }: RepomdRecord, digest: Digest): CheckedFile {
  return {
    path: href,
    type,
    digest,
    ...(openSize === undefined ? {} : { openSize }),
    ...(openChecksum === undefined ? {} : { openChecksum }),
  }
}

const READ_BYTES = 256 << 10
/** A file may be larger uncompressed than stated, but a bomb is not followed to its end, whatever repomd.xml says. */
const SIZE_TOLERANCE = 4
const MIN_SIZE_LIMIT = 2 ** 30
const MAX_SIZE_LIMIT = 8 * 2 ** 30
/** All files of a repository beside its primary, uncompressed. */
const MAX_TOTAL_BYTES = 16 * 2 ** 30

/** A repodata file read uncompressed once, and then what repomd.xml says wrongly of it. */
export class OpenFile {
  readonly #file: CheckedFile
  #size = 0
  #digest: Digest | undefined

  constructor(file: CheckedFile) {
    this.#file = file
  }

  /** Uncompressed bytes that were read. */
  get size(): number {
    return this.#size
  }

  /** Uncompressed bytes. Throws REPODATA_MALFORMED when they cannot be uncompressed, or are more than they may be. */
  async *read(blobs: Pick<BlobStore, 'open'>, atMost = MAX_SIZE_LIMIT): AsyncIterable<Buffer> {
    const { openChecksum } = this.#file
    const algorithm = openChecksum === undefined ? undefined : digestAlgorithm(openChecksum)
    const hash = algorithm === undefined ? undefined : startDigest(algorithm)
    const stated = SIZE_TOLERANCE * (this.#file.openSize ?? 0)
    const maxBytes = Math.min(atMost, MAX_SIZE_LIMIT, Math.max(MIN_SIZE_LIMIT, stated))
    for await (const chunk of decompress(readBlob(blobs, this.#file), { maxBytes })) {
      this.#size += chunk.length
      hash?.update(chunk)
      yield chunk
    }
    if (algorithm !== undefined && hash !== undefined) this.#digest = finishDigest(algorithm, hash)
  }

  /** What disagrees, after the bytes were read to their end. */
  defects(): Defect[] {
    const { path, openSize, openChecksum } = this.#file
    const defects: Defect[] = []
    if (openSize !== undefined && openSize !== this.#size)
      defects.push({
        path,
        kind: 'open-size',
        message: `repomd.xml says ${openSize} bytes uncompressed, found ${this.#size}`,
      })
    if (openChecksum !== undefined && openChecksum !== this.#digest)
      defects.push({
        path,
        kind: 'open-checksum',
        message: `repomd.xml says ${openChecksum} uncompressed, found ${this.#digest}`,
      })
    return defects
  }
}

/**
 * Uncompresses each file and compares it with what repomd.xml says. zchunk files are no compressed files in that sense.
 * @throws PinyonError STORE_FAILED for a blob that cannot be read; the signal's reason
 */
export async function checkRepodata(
  blobs: BlobStore,
  files: readonly CheckedFile[],
  signal: AbortSignal,
): Promise<Defect[]> {
  const defects: Defect[] = []
  let left = MAX_TOTAL_BYTES
  for (const file of files) {
    if ((file.openChecksum ?? file.openSize) === undefined || file.type.endsWith('_zck')) continue
    const open = new OpenFile(file)
    try {
      for await (const _ of open.read(blobs, left)) signal.throwIfAborted()
      defects.push(...open.defects())
    } catch (error) {
      if (!(error instanceof PinyonError) || error.code !== 'REPODATA_MALFORMED') throw error
      defects.push({ path: file.path, kind: 'open-checksum', message: error.message })
    }
    left -= open.size
  }
  return defects
}

async function* readBlob(
  blobs: Pick<BlobStore, 'open'>,
  { digest, path }: CheckedFile,
): AsyncIterable<Buffer> {
  const blob = await blobs.open(digest)
  if (blob === undefined) throw new PinyonError('STORE_FAILED', `the blob of ${path} is gone: ${digest}`)
  try {
    for (let position = 0; position < blob.size;) {
      // A new buffer each time: decompressors keep what they are given.
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, blob.size - position))
      const count = await blob.read(buffer, position)
      if (count === 0) throw new PinyonError('STORE_FAILED', `the blob of ${path} was cut short: ${digest}`)
      position += count
      yield buffer.subarray(0, count)
    }
  } finally {
    blob.close()
  }
}

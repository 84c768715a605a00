import pLimit from 'p-limit'

import { PinyonError } from '../model/errors.ts'
import type { ExtraFile, Repomd, RepomdRecord } from '../model/repodata.ts'
import { Moved, captureRecord, type CaptureContext } from './capture-record.ts'
import { confirmCompanions, readCompanion } from './companions.ts'
import { COMPANIONS, REPOMD_PATH, SIGNATURE_PATH, fetchRepomd, type FetchedRepomd } from './repomd-source.ts'
import { storeBytes } from './store-bytes.ts'
import { captureExtras } from './extras/capture-extras.ts'
import { awaitSignature } from './keys/await-signature.ts'
import type { CandidateFile, Defect, VerifiedSignature } from './store.ts'

/** Files of one mirror fetched at once. */
const PARALLEL_FILES = 4
/** Real repositories name some thirty files; each named one costs a request and a reading. */
const MAX_FILES = 256
/** Of all of them, as stated: ten times as much as real ones have. */
const MAX_TOTAL_BYTES = 16 * 2 ** 30

/** The repodata files of one generation, all of them blobs. */
export interface Capture {
  readonly files: readonly CandidateFile[]
  readonly defects: readonly Defect[]
  readonly signature?: VerifiedSignature
  /** What a captured .treeinfo, or a list of checksums, names. */
  readonly extras: readonly ExtraFile[]
}

/**
 * Brings every file that a repomd.xml names into the blob store, verified, and reads repomd.xml once more at the end: undefined when
 * upstream has published another generation meanwhile, so that what was fetched may be of both. Signature and key have no
 * checksum, so they are read before and after that: upstream cannot have gone to another generation and back unseen.
 * Where signatures are verified, that comes first, and what is stored is what was verified. Nothing of it runs on when this has ended.
 * @throws PinyonError SIGNATURE_REFUSED, REPODATA_MALFORMED for a repomd.xml that names too much, or its own companions; upstream's trouble
 */
export async function captureFiles(
  context: CaptureContext,
  fetched: FetchedRepomd,
  repomd: Repomd,
): Promise<Capture | undefined> {
  const records = selectFiles(repomd)
  const stop = new AbortController()
  const scoped = { ...context, signal: AbortSignal.any([context.signal, stop.signal]) }
  const hasMoved = async () => await isAnother(scoped, fetched)
  const signed = await readSignature(scoped, fetched, hasMoved)
  if (context.signature !== undefined && signed === undefined) return undefined
  const limit = pLimit(PARALLEL_FILES)
  let failed = false
  const companions = COMPANIONS.map(({ path, type }) =>
    limit(async () =>
      type === 'signature' && signed !== undefined
        ? signed.companion
        : await readCompanion(scoped, fetched, path),
    ),
  )
  const files = records.map((record) =>
    limit(() => (failed ? Promise.reject(new Moved()) : captureRecord(scoped, record, hasMoved))),
  )
  try {
    const [captured, read] = await Promise.all([Promise.all(files), Promise.all(companions)])
    const extras = await captureExtras(scoped, fetched, repomd)
    const confirmed = await confirmCompanions(scoped, fetched, read, hasMoved)
    if (confirmed === undefined) return undefined
    const own = { path: REPOMD_PATH, type: 'repomd' }
    const repomdFile = await storeBytes(context.blobs, own, fetched.bytes, fetched.seen.digest)
    return {
      ...(signed === undefined ? {} : { signature: signed.verified }),
      files: [repomdFile, ...confirmed.files, ...captured.map(({ file }) => file), ...extras.files],
      extras: extras.listed,
      defects: [...confirmed.defects, ...captured.flatMap(({ defects }) => defects), ...extras.defects],
    }
  } catch (error) {
    failed = true
    if (!(error instanceof Moved)) throw error
    stop.abort()
    return undefined
  } finally {
    // After a failure, what is being fetched is fetched to its end: the next sync finds it.
    await Promise.allSettled([...companions, ...files])
  }
}

/** The signature, verified where that is wanted. */
async function readSignature(
  context: CaptureContext,
  fetched: FetchedRepomd,
  hasMoved: () => Promise<boolean>,
): Promise<Awaited<ReturnType<typeof awaitSignature>>> {
  const { signature, signal } = context
  if (signature === undefined) return undefined
  const read = () => readCompanion(context, fetched, SIGNATURE_PATH)
  return await awaitSignature({ ...signature, repomd: fetched.bytes, read, hasMoved, signal })
}

/** Each file once, whatever the number of records that name it. */
function selectFiles(repomd: Repomd): readonly RepomdRecord[] {
  const records = [...new Map(repomd.records.map((record) => [record.href, record])).values()]
  if (records.length > MAX_FILES)
    throw new PinyonError(
      'REPODATA_MALFORMED',
      `repomd.xml names more than ${MAX_FILES}: ${records.length} files`,
    )
  const bytes = records.reduce((sum, { size = 0 }) => sum + size, 0)
  if (bytes > MAX_TOTAL_BYTES)
    throw new PinyonError(
      'REPODATA_MALFORMED',
      `repomd.xml names files of more than ${MAX_TOTAL_BYTES} bytes: ${bytes}`,
    )
  const own = [REPOMD_PATH, ...COMPANIONS.map(({ path }) => path)]
  const named = records.find(({ href }) => own.includes(href))
  if (named !== undefined)
    throw new PinyonError('REPODATA_MALFORMED', `repomd.xml names as a record what it cannot: ${named.href}`)
  return records
}

async function isAnother(context: CaptureContext, fetched: FetchedRepomd): Promise<boolean> {
  const { upstream, signal } = context
  return (
    (await fetchRepomd(upstream, fetched.seen, { signal, onlyBaseurl: fetched.seen.baseurl })) !== undefined
  )
}

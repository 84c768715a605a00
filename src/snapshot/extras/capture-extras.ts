import type { BlobStore } from '../../cache/blob-store.ts'
import { digestOf } from '../../model/digest.ts'
import { PinyonError } from '../../model/errors.ts'
import type { ExtraFile, Repomd } from '../../model/repodata.ts'
import { parseDeltas } from '../../repodata/deltas.ts'
import type { CaptureContext } from '../capture-record.ts'
import { OpenFile, type CheckedFile } from '../repodata-check.ts'
import type { FetchedRepomd } from '../repomd-source.ts'
import { storeBytes } from '../store-bytes.ts'
import type { CandidateFile } from '../store.ts'
import { readExtras, type FoundExtras } from './read-extras.ts'

// What lies beside the packages. Delta rpms, and what a .treeinfo or a list of checksums names, have checksums: they belong to the snapshot, and
// are fetched when they are first asked for. What has none (the .treeinfo itself, media.1/media, keys, licences) is pinned as it is at the capture.

/** Of a list of delta rpms, uncompressed: Fedora's had ten. */
const MAX_DELTAS_BYTES = 64 << 20

/** Records that list delta rpms: Fedora's, and SUSE's. */
const DELTA_TYPES = new Set(['prestodelta', 'deltainfo'])

/** The type of a file that no record of repomd.xml names. */
export const EXTRA_TYPE = 'extra'

/** Files that were pinned, and those that are listed. */
export interface CapturedExtras extends FoundExtras {
  readonly files: readonly CandidateFile[]
}

/** Pins the wanted files of the source that gave repomd.xml; what it has not got is not listed, and so 404. Throws upstream's trouble. */
export async function captureExtras(
  context: CaptureContext,
  { seen }: FetchedRepomd,
  repomd: Repomd,
): Promise<CapturedExtras> {
  const { upstream, signal, blobs, extraFiles } = context
  if (extraFiles === undefined) return { files: [], listed: [], defects: [] }
  const files: CandidateFile[] = []
  const named = new Set(repomd.records.map(({ href }) => href))
  const found = await readExtras(
    { upstream, signal, extraFiles, baseurl: seen.baseurl, named },
    async (path, bytes) =>
      void files.push(await storeBytes(blobs, { path, type: EXTRA_TYPE }, bytes, digestOf(bytes))),
  )
  return { files, listed: found.listed, defects: found.defects }
}

/** The delta rpms that captured records list; none of a list that cannot be read, whose defects are told elsewhere. */
export async function listDeltas(
  checks: readonly CheckedFile[],
  blobs: Pick<BlobStore, 'open'>,
): Promise<readonly ExtraFile[]> {
  const found: ExtraFile[] = []
  for (const check of checks) {
    if (!DELTA_TYPES.has(check.type)) continue
    try {
      const pieces: Buffer[] = []
      for await (const piece of new OpenFile(check).read(blobs, MAX_DELTAS_BYTES)) pieces.push(piece)
      for (const delta of parseDeltas(Buffer.concat(pieces))) found.push({ ...delta, statedBy: check.path })
    } catch (error) {
      if (!(error instanceof PinyonError) || error.code !== 'REPODATA_MALFORMED') throw error
    }
  }
  return found
}

/** Each path once, and none of a file that is pinned. */
export function selectExtras(
  extras: readonly ExtraFile[],
  files: readonly CandidateFile[],
): readonly ExtraFile[] {
  const pinned = new Set(files.map(({ path }) => path))
  const byPath = new Map(extras.map((extra) => [extra.path, extra]))
  return [...byPath.values()].filter(({ path }) => !pinned.has(path))
}

import type { BlobStore } from '../cache/blob-store.ts'
import { digestOf } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import type { ExtraFile, Repomd } from '../model/repodata.ts'
import { parseDeltas } from '../repodata/deltas.ts'
import { parseTreeinfo } from '../repodata/treeinfo.ts'
import type { CaptureContext } from './capture-record.ts'
import { OpenFile, type CheckedFile } from './repodata-check.ts'
import { readAll, type FetchedRepomd } from './repomd-source.ts'
import { storeBytes } from './store-bytes.ts'
import type { CandidateFile } from './store.ts'

// What lies beside the packages. Delta rpms, and what a .treeinfo lists, have checksums: they belong to the snapshot, and are fetched when they
// are first asked for. What has none (the .treeinfo itself, media.1/media, keys, licences) is pinned as it is at the capture, if it is configured.

/** Of a file without a checksum, which is held in memory. */
const MAX_EXTRA_BYTES = 8 << 20
/** Of a list of delta rpms, uncompressed: Fedora's had ten. */
const MAX_DELTAS_BYTES = 64 << 20

/** Records that list delta rpms: Fedora's, and SUSE's. */
const DELTA_TYPES = new Set(['prestodelta', 'deltainfo'])
const TREEINFO = /^\.?treeinfo$/

/** Files that were pinned, and those that they list. */
export interface CapturedExtras {
  readonly files: readonly CandidateFile[]
  readonly listed: readonly ExtraFile[]
}

/** Pins configured files from the source that gave repomd.xml; what it has not got is not listed, and so 404. Throws upstream's trouble. */
export async function captureExtras(
  context: CaptureContext,
  { seen }: FetchedRepomd,
  repomd: Repomd,
): Promise<CapturedExtras> {
  const files: CandidateFile[] = []
  const listed: ExtraFile[] = []
  const named = new Set(repomd.records.map(({ href }) => href))
  for (const path of context.extraFiles ?? []) {
    const bytes = named.has(path) ? undefined : await readExtra(context, path, seen.baseurl)
    if (bytes === undefined) continue
    files.push(await storeBytes(context.blobs, { path, type: 'extra' }, bytes, digestOf(bytes)))
    if (TREEINFO.test(path)) listed.push(...parseTreeinfo(bytes))
  }
  return { files, listed }
}

async function readExtra(
  { upstream, signal }: CaptureContext,
  path: string,
  onlyBaseurl: string,
): Promise<Buffer | undefined> {
  try {
    return await readAll(await upstream.get(path, { signal, onlyBaseurl }), MAX_EXTRA_BYTES, path)
  } catch (error) {
    // Object stores answer 403 for what is not there.
    if (error instanceof PinyonError && (error.code === 'UPSTREAM_GONE' || error.facts['status'] === 403))
      return undefined
    throw error
  }
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
      found.push(...parseDeltas(Buffer.concat(pieces)))
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

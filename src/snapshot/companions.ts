import type { BlobStore } from '../cache/blob-store.ts'
import { matchesSignature } from '../signature/signature-match.ts'
import type { CaptureContext } from './capture-record.ts'
import { COMPANIONS, fetchCompanion, type Companion, type FetchedRepomd } from './repomd-source.ts'
import { storeBytes } from './store-bytes.ts'
import type { CandidateFile, Defect } from './store.ts'

/** How often the signature of another repomd.xml is looked at again. */
const TRIES = 3

/** The companions of a repomd.xml as files of its snapshot, and what is wrong with them. */
export interface CapturedCompanions {
  readonly files: readonly CandidateFile[]
  readonly defects: readonly Defect[]
}

/** Reads one companion from the source that gave repomd.xml; undefined when it has none. */
export async function readCompanion(
  context: Pick<CaptureContext, 'upstream' | 'signal'>,
  { seen }: FetchedRepomd,
  path: string,
): Promise<Companion | undefined> {
  context.signal.throwIfAborted()
  return await fetchCompanion(context.upstream, path, seen.baseurl, context.signal)
}

/**
 * Reads repomd.xml and then its companions once more, and stores them: undefined when any of them is another by now. A signature that
 * stays that of another repomd.xml is left out, with the defect `missing`: none is better than one of another generation.
 * @param read what the companions were before, in the order of COMPANIONS
 */
export async function confirmCompanions(
  context: CaptureContext,
  fetched: FetchedRepomd,
  read: readonly (Companion | undefined)[],
  hasMoved: () => Promise<boolean>,
): Promise<CapturedCompanions | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    if (await hasMoved()) return undefined
    const again = await Promise.all(COMPANIONS.map(({ path }) => readCompanion(context, fetched, path)))
    if (!again.every((companion, index) => companion?.digest === read[index]?.digest)) return undefined
    if (!isOfAnother(fetched, read)) return await storeCompanions(context.blobs, read)
    if (attempt === TRIES) return await storeWithoutSignature(context.blobs, read)
  }
}

function isOfAnother(fetched: FetchedRepomd, read: readonly (Companion | undefined)[]): boolean {
  const signature = read[COMPANIONS.findIndex(({ type }) => type === 'signature')]
  return signature !== undefined && matchesSignature(fetched.bytes, signature.bytes) === false
}

async function storeWithoutSignature(
  blobs: BlobStore,
  read: readonly (Companion | undefined)[],
): Promise<CapturedCompanions> {
  const kept = read.map((companion, index) =>
    COMPANIONS[index]?.type === 'signature' ? undefined : companion,
  )
  const { files } = await storeCompanions(blobs, kept)
  const own = COMPANIONS.filter(({ type }) => type === 'signature')
  const missing = own.map(({ path, type }) => ({ path, type, digest: undefined, size: 0 }))
  const message = `in ${TRIES} tries it was the signature of another repomd.xml`
  return {
    files: [...files, ...missing],
    defects: own.map(({ path }) => ({ path, kind: 'missing', message })),
  }
}

async function storeCompanions(
  blobs: BlobStore,
  companions: readonly (Companion | undefined)[],
): Promise<CapturedCompanions> {
  const stored = COMPANIONS.map(async (name, index) => {
    const companion = companions[index]
    return companion && (await storeBytes(blobs, name, companion.bytes, companion.digest))
  })
  return { files: (await Promise.all(stored)).filter((file) => file !== undefined), defects: [] }
}

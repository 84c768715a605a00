import type { BlobStore } from '../../cache/blob-store.ts'
import type { Advisory } from '../../model/advisory.ts'
import { compareText } from '../../model/nevra.ts'
import { PinyonError, toPinyonError } from '../../model/errors.ts'
import { readUpdateinfo } from '../../repodata/updateinfo.ts'
import { OpenFile } from '../repodata-check.ts'
import type { CandidateFile } from '../store.ts'

/** Characters of what is kept of two files: some ten times what the advisories of a whole Fedora take. */
const MAX_KEPT_LENGTH = 64 << 20

/** Advisories that one snapshot has and another had not, by id; and why they could not be told. */
export interface NewAdvisories {
  readonly advisories: readonly Advisory[]
  readonly error: string | undefined
}

/** Reads the updateinfo of two snapshots, a piece at a time. Upstream's mistakes in it are no error of this, but told. */
export async function findNewAdvisories(
  blobs: Pick<BlobStore, 'open'>,
  from: readonly CandidateFile[],
  to: readonly CandidateFile[],
): Promise<NewAdvisories> {
  const before = from.filter(isUpdateinfo)
  const same = new Set(before.map(({ digest }) => digest))
  const after = to.filter(isUpdateinfo).filter(({ digest }) => !same.has(digest))
  if (after.length === 0) return { advisories: [], error: undefined }
  try {
    const budget = { left: MAX_KEPT_LENGTH }
    const known = new Set<string>()
    for (const file of before)
      for await (const { id } of readAdvisories(blobs, file)) {
        spend(budget, id.length)
        known.add(id)
      }
    const found = new Map<string, Advisory>()
    for (const file of after)
      for await (const advisory of readAdvisories(blobs, file)) {
        if (known.has(advisory.id) || found.has(advisory.id)) continue
        spend(budget, lengthOf(advisory))
        found.set(advisory.id, advisory)
      }
    const advisories = [...found.values()].toSorted((a, b) => compareText(a.id, b.id))
    return { advisories, error: undefined }
  } catch (error) {
    return { advisories: [], error: toPinyonError(error).message }
  }
}

function isUpdateinfo({ type }: CandidateFile): boolean {
  return type === 'updateinfo'
}

async function* readAdvisories(
  blobs: Pick<BlobStore, 'open'>,
  { path, type, digest }: CandidateFile,
): AsyncIterable<Advisory> {
  if (digest === undefined)
    throw new PinyonError('DEFECTIVE_FILE', `repomd.xml names it, and upstream never had it right: ${path}`)
  for await (const batch of readUpdateinfo(new OpenFile({ path, type, digest }).read(blobs))) yield* batch
}

function spend(budget: { left: number }, length: number): void {
  budget.left -= length
  if (budget.left < 0)
    throw new PinyonError('REPODATA_MALFORMED', `the advisories take more than ${MAX_KEPT_LENGTH} characters`)
}

function lengthOf({ id, type = '', severity = '', title = '', issued = '', cves }: Advisory): number {
  const own = id.length + type.length + severity.length + title.length + issued.length
  // An entry of a list takes memory beyond its characters.
  return cves.reduce((sum, cve) => sum + cve.length + 16, own)
}

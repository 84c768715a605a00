import type { BlobStore } from '../../cache/blob-store.ts'
import type { Advisory } from '../../model/advisory.ts'
import { PinyonError } from '../../model/errors.ts'
import { mergeArches } from '../arches/same-changes.ts'
import { classifyPackages, type PackageChanges } from './diff.ts'
import type { NewAdvisories } from './new-advisories.ts'
import type { CandidateFile, Snapshot, SnapshotReader } from '../store.ts'

/** Two snapshots of a mirror, by name. */
export interface SnapshotPair {
  readonly mirror: string
  readonly from: string
  readonly to: string
}

/** In what two snapshots differ. */
export interface SnapshotDiff extends SnapshotPair, PackageChanges {
  /** Those of the second that the first had not. */
  readonly advisories: readonly Advisory[]
  /** Why advisories could not be told. */
  readonly advisoriesError: string | undefined
  /** Types of other repodata files that came, went or changed: modules, group, productid … */
  readonly metadata: readonly string[]
}

/** Where two snapshots are. */
export type DiffStore = Pick<SnapshotReader, 'snapshot' | 'files' | 'differences'>

/** What two snapshots are compared with. */
export interface DiffContext {
  readonly store: DiffStore
  readonly blobs: Pick<BlobStore, 'open'>
}

/** Files that hold no metadata of their own: checked, derived, or told of by the packages. */
const NOT_TOLD = /^(?:repomd|signature|key|primary|filelists|other|updateinfo|.*_(?:db|zck|gz|xz|bz2|zst))$/

/**
 * Compares two snapshots; blocks its thread while it does.
 * @throws PinyonError NOT_FOUND when one is not there, or not any more
 */
export async function diffSnapshots(
  { store, blobs }: DiffContext,
  { mirror, from, to }: SnapshotPair,
): Promise<SnapshotDiff> {
  const first = await requireSnapshot(store, mirror, from)
  const second = await requireSnapshot(store, mirror, to)
  const packages = mergeArches(classifyPackages(await store.differences(first, second)))
  const files = [await store.files(first), await store.files(second)] as const
  const { advisories, error } = await readNewAdvisories(blobs, ...files)
  // A snapshot that was retired meanwhile may have lost packages while they were read.
  await requireSnapshot(store, mirror, from)
  await requireSnapshot(store, mirror, to)
  const metadata = findChangedTypes(...files)
  return { mirror, from, to, ...packages, advisories, advisoriesError: error, metadata }
}

/** Most often there are none, and then what uncompresses and reads them need not be loaded. */
async function readNewAdvisories(
  blobs: DiffContext['blobs'],
  from: readonly CandidateFile[],
  to: readonly CandidateFile[],
): Promise<NewAdvisories> {
  const known = new Set(from.map(({ digest }) => digest))
  if (!to.some(({ type, digest }) => type === 'updateinfo' && !known.has(digest)))
    return { advisories: [], error: undefined }
  const { findNewAdvisories } = await import('./new-advisories.ts')
  return await findNewAdvisories(blobs, from, to)
}

async function requireSnapshot(store: DiffStore, mirror: string, name: string): Promise<Snapshot> {
  const found = await store.snapshot(mirror, name)
  if (found === undefined) throw new PinyonError('NOT_FOUND', `${mirror} has no snapshot: ${name}`)
  return found
}

function findChangedTypes(from: readonly CandidateFile[], to: readonly CandidateFile[]): string[] {
  const changed = [...contentOf(from).symmetricDifference(contentOf(to))]
  return [...new Set(changed.map((content) => content.slice(0, content.lastIndexOf(' '))))].toSorted()
}

function contentOf(files: readonly CandidateFile[]): Set<string> {
  const told = files.filter(({ type }) => !NOT_TOLD.test(type))
  return new Set(told.map(({ type, digest }) => `${type} ${digest}`))
}

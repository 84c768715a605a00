import { PinyonError } from '../../model/errors.ts'
import { isFetchedAtBirth, usedSince, type PrefetchRule } from '../../model/prefetch.ts'
import { isMeant } from '../../model/package-spec.ts'
import type { DepartedState, DepartedStore, ListedFile, SnapshotPlace } from '../departed/departed.ts'
import type { ListedExtra } from '../extras/extra-store.ts'
import type { WantedFile } from './package-fetches.ts'
import type { PrefetchStore, StoredPackage } from './prefetch-store.ts'

const PAGE = 500

interface AheadOptions {
  /** The number of a snapshot; undefined: all packages count as new. */
  readonly newerThan: number | undefined
  readonly nowMs: number
  readonly signal?: AbortSignal
}

/**
 * What the rule wants of the packages that came with snapshots after one: those not cached yet. Rejects with the reason of `signal` when that
 * ends it.
 */
export async function planAhead(
  store: PrefetchStore,
  newest: SnapshotPlace,
  rule: PrefetchRule,
  { newerThan, nowMs, signal }: AheadOptions,
): Promise<WantedFile[]> {
  if (rule.policy === 'on_demand') return []
  const askedSince = rule.policy === 'warm' ? usedSince(rule, nowMs) : undefined
  const isWanted = ({ askedAt }: StoredPackage) => isFetchedAtBirth(rule, askedAt, nowMs)
  return await collect(store.packages(newest, { newerThan, askedSince }), newest, isWanted, signal)
}

/** All of a snapshot that is not cached. */
export async function planAll(store: PrefetchStore, snapshot: SnapshotPlace): Promise<WantedFile[]> {
  return await collect(store.packages(snapshot), snapshot, () => true)
}

/**
 * What a snapshot lists of what somebody named, as far as it is not cached.
 * @throws PinyonError NOT_FOUND naming what it does not list
 */
export async function planNamed(
  store: PrefetchStore,
  snapshot: SnapshotPlace,
  specs: readonly string[],
): Promise<WantedFile[]> {
  const unknown = new Set(specs)
  const files: WantedFile[] = []
  for await (const page of store.packages(snapshot, { isAll: true }))
    for (const file of page) {
      const meant = specs.filter((spec) => isMeant(spec, file))
      for (const spec of meant) unknown.delete(spec)
      if (meant.length > 0 && !file.isCached) files.push(toWanted(file, snapshot))
    }
  if (unknown.size === 0) return files
  throw new PinyonError(
    'NOT_FOUND',
    `the current snapshot of ${snapshot.mirror} lists no such package: ${[...unknown].slice(0, 10).join(', ')}`,
  )
}

/** Packages in these states: all, or those that jobs get or hold. */
export async function planDeparted(
  store: DepartedStore,
  mirror: string,
  states: readonly DepartedState[],
  isHeld: boolean,
): Promise<WantedFile[]> {
  const files: WantedFile[] = []
  for (let after = 0; ;) {
    const page = await store.list(mirror, { states, isHeld, after, limit: PAGE })
    files.push(...page.map((file) => toWanted(file, lastOf(file))))
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return files
    after = last.packageId
  }
}

async function collect(
  pages: AsyncIterable<readonly StoredPackage[]>,
  snapshot: SnapshotPlace,
  isWanted: (file: StoredPackage) => boolean,
  signal?: AbortSignal,
): Promise<WantedFile[]> {
  const files: WantedFile[] = []
  for await (const page of pages) {
    signal?.throwIfAborted()
    for (const file of page) if (isWanted(file)) files.push(toWanted(file, snapshot))
  }
  return files
}

/** Files beside the packages as they are wanted. */
export function wantExtras(mirror: string, extras: readonly ListedExtra[]): WantedFile[] {
  return extras.map(({ path, digest, size, mirrorId, seq, arches }) => ({
    path,
    digest,
    ...(size === undefined ? {} : { size }),
    snapshot: { mirror, mirrorId, seq, arches },
    isPackage: false,
  }))
}

/** The last snapshot that lists it. */
function lastOf({ departure }: ListedFile): LastSnapshot {
  return { seq: departure?.lastSeq ?? 0, arches: departure?.lastArches }
}

type LastSnapshot = Pick<SnapshotPlace, 'seq' | 'arches'>

function toWanted(
  { href, digest, size, mirror, mirrorId }: ListedFile,
  { seq, arches }: LastSnapshot,
): WantedFile {
  return { path: href, digest, size, snapshot: { mirror, mirrorId, seq, arches }, isPackage: true }
}

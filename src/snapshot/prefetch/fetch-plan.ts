import { isFetchedAtBirth, type PrefetchRule } from '../../model/prefetch.ts'
import { isMeant } from '../../model/package-spec.ts'
import type { DepartedState, DepartedStore, ListedFile, SnapshotPlace } from '../departed/departed.ts'
import type { WantedFile } from './package-fetches.ts'
import type { MissingPackage, PrefetchStore } from './prefetch-store.ts'

const PAGE = 500

/** What the rule wants of the packages that came with snapshots after one: those not cached yet. */
export async function planAhead(
  store: PrefetchStore,
  newest: SnapshotPlace,
  rule: PrefetchRule,
  { newerThan, nowMs }: { readonly newerThan: number | undefined; readonly nowMs: number },
): Promise<WantedFile[]> {
  if (rule.policy === 'on_demand') return []
  const isWanted = ({ askedAt }: MissingPackage) => isFetchedAtBirth(rule, askedAt, nowMs)
  return await collect(store, newest, isWanted, newerThan)
}

/** What a snapshot lists of what somebody named, as far as it is not cached; everything without names. */
export async function planSnapshot(
  store: PrefetchStore,
  snapshot: SnapshotPlace,
  specs: readonly string[],
): Promise<WantedFile[]> {
  const isWanted = (file: MissingPackage) => specs.length === 0 || specs.some((spec) => isMeant(spec, file))
  return await collect(store, snapshot, isWanted)
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
    files.push(...page.map((file) => toWanted(file, file.departure?.lastSeq ?? 0)))
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return files
    after = last.packageId
  }
}

async function collect(
  store: PrefetchStore,
  snapshot: SnapshotPlace,
  isWanted: (file: MissingPackage) => boolean,
  newerThan?: number,
): Promise<WantedFile[]> {
  const files: WantedFile[] = []
  for await (const page of store.missing(snapshot, newerThan))
    for (const file of page) if (isWanted(file)) files.push(toWanted(file, snapshot.seq))
  return files
}

function toWanted({ href, digest, size, mirror, mirrorId }: ListedFile, seq: number): WantedFile {
  return { path: href, digest, size, snapshot: { mirror, mirrorId, seq }, isPackage: true }
}

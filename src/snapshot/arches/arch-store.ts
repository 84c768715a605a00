import { splitArch } from '../../model/arch.ts'
import type { ExtraStore } from '../extras/extra-store.ts'
import type { Candidate, Defect, Snapshot, SnapshotArch, SnapshotStore } from '../store.ts'
import type { SyncStore } from '../sync.ts'

/** What is read of a mirror of several architectures. */
export type ArchesStore = SyncStore &
  Pick<SnapshotStore, 'arches' | 'seenArches'> & { readonly extras: Pick<ExtraStore, 'list'> }

/**
 * The snapshots of a mirror as a sync of one of its architectures sees them: the newest alone, where that has this architecture, with its
 * content and its files as a repository of its own would have them. Nothing is recorded through it but signatures.
 */
export function openArchStore(store: ArchesStore, arch: string): SyncStore {
  return {
    snapshots: async (mirror) => {
      const [newest] = await store.snapshots(mirror)
      const found = newest && (await findArch(store, newest, arch))
      if (newest === undefined || found === undefined) return []
      const { fingerprint, revision, xmlBase } = found
      return [{ ...newest, fingerprint, revision, xmlBase }]
    },
    seenRepomd: async (mirror) => (await store.seenArches(mirror)).get(arch),
    files: async (snapshot) => ownOf(await store.files(snapshot), arch),
    defects: async (snapshot) => ownOf(await store.defects(snapshot), arch),
    signature: (snapshot) => store.signature(snapshot, arch),
    recordSignature: (snapshot, signature) => store.recordSignature(snapshot, signature, arch),
    // How the whole sync ends is recorded by who runs it.
    recordSync: async () => undefined,
  }
}

/** What an architecture has in a snapshot already. */
export interface Recaptured {
  /** As if it had been captured once more: its blobs are there, and nothing is asked of upstream. */
  readonly candidate: Candidate
  /** All that was found wrong with it. */
  readonly found: readonly Defect[]
}

/** What an architecture has in a snapshot already; undefined when the snapshot does not have it. */
export async function recapture(
  store: ArchesStore,
  snapshot: Snapshot,
  arch: string,
): Promise<Recaptured | undefined> {
  const found = await findArch(store, snapshot, arch)
  if (found === undefined) return undefined
  const { fingerprint, revision, xmlBase } = found
  const signature = await store.signature(snapshot, arch)
  const defects = ownOf(await store.defects(snapshot), arch)
  const candidate: Candidate = {
    mirror: snapshot.mirror,
    fingerprint,
    revision,
    files: ownOf(await store.files(snapshot), arch),
    defects: defects.filter(isOfCapture),
    extras: ownOf(await store.extras.list(snapshot), arch),
    ...(xmlBase === undefined ? {} : { xmlBase }),
    ...(signature === undefined ? {} : { signature }),
  }
  // What was replaced was so in that snapshot.
  return { candidate, found: defects.filter(({ kind }) => kind !== 'replaced') }
}

/** Whatever is found by reading the files is found again. */
function isOfCapture({ kind }: Defect): boolean {
  return kind === 'size' || kind === 'missing' || kind === 'extra'
}

async function findArch(
  store: Pick<ArchesStore, 'arches'>,
  snapshot: Snapshot,
  arch: string,
): Promise<SnapshotArch | undefined> {
  if (snapshot.arches?.includes(arch) !== true) return undefined
  return (await store.arches(snapshot)).find((one) => one.arch === arch)
}

function ownOf<T extends { readonly path: string }>(all: readonly T[], arch: string): T[] {
  return all.flatMap((one) => {
    const path = splitArch(one.path, [arch])?.path
    return path === undefined ? [] : [{ ...one, path }]
  })
}

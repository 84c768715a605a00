import type { Index, Snapshot } from './store.ts'

/**
 * The index of a generation from its rows, in the order of the index formats: that of a shell's glob of `<mirror>/latest.txt`, which the
 * first implementation listed.
 */
export function createIndex(
  generation: { readonly number: number; readonly createdAt: number },
  snapshots: readonly Snapshot[],
): Index {
  const sorted = snapshots.toSorted((a, b) => (`${a.mirror}/` < `${b.mirror}/` ? -1 : 1))
  return {
    generation: generation.number,
    createdAt: generation.createdAt,
    current: new Map(sorted.map((snapshot) => [snapshot.mirror, snapshot])),
  }
}

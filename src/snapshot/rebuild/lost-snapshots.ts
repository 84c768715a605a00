import { parseSnapshotName } from '../../model/snapshot-name.ts'
import type { SnapshotLine } from '../inventory/inventory-format.ts'
import type { Inventory, MirrorInventory } from '../inventory/inventory-reader.ts'

/** A mirror with every snapshot that anything in the inventory names. */
export interface WholeMirror extends MirrorInventory {
  /** Names of those of which no more than the name is known. */
  readonly lost: ReadonlySet<string>
}

/**
 * Adds to the mirrors what generations name and no line of theirs tells of, in its place: where lines were damaged, or a whole file. Names
 * are in the order of the numbers.
 */
export function addLostSnapshots({ mirrors, generations }: Inventory): WholeMirror[] {
  const named = new Map<string, Set<string>>(mirrors.map(({ mirror }) => [mirror.name, new Set()]))
  for (const { changes } of generations)
    for (const [mirror, snapshot] of changes) {
      const names = named.get(mirror) ?? new Set()
      if (snapshot !== null) names.add(snapshot)
      named.set(mirror, names)
    }
  return [...named].map(([name, names]) => {
    const own = mirrors.find(({ mirror }) => mirror.name === name) ?? { mirror: { name }, snapshots: [] }
    const known = new Set(own.snapshots.map(({ snapshot }) => snapshot.name))
    const lost = [...names].filter((one) => !known.has(one)).toSorted()
    return { mirror: own.mirror, snapshots: placeLost(own.snapshots, lost), lost: new Set(lost) }
  })
}

function placeLost(known: readonly SnapshotLine[], lost: readonly string[]): SnapshotLine[] {
  const all = [...known]
  const numbers = new Set(known.map(({ snapshot }) => snapshot.seq))
  for (const name of lost) {
    const before = all.findLast(({ snapshot }) => snapshot.name < name)
    let seq = (before?.snapshot.seq ?? Math.min(1, ...numbers) - 1) + (before === undefined ? 0 : 1)
    // Its number is free, unless more than lines were lost: then any will do for what nobody can ask for.
    if (numbers.has(seq)) seq = Math.min(...numbers) - 1
    numbers.add(seq)
    all.push({ snapshot: describeLost(name, seq), belongings: {} })
    all.sort((a, b) => a.snapshot.seq - b.snapshot.seq)
  }
  return all.toSorted((a, b) => a.snapshot.seq - b.snapshot.seq)
}

function describeLost(name: string, seq: number): SnapshotLine['snapshot'] {
  const created_at = parseSnapshotName(name) ?? 0
  return { seq, name, created_at, retired_at: null, fingerprint: '', package_count: 0, package_bytes: 0 }
}

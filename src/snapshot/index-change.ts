import type { WriteStatements } from './sql.ts'

/** A mirror's new current snapshot; undefined takes it out of the index. */
export interface IndexChange {
  readonly mirrorId: number
  readonly snapshotId: number | undefined
}

/** Why a generation began. */
export type GenerationCause = 'sync' | 'configuration'

/**
 * Begins the next generation with these changes; must be called inside a transaction. `latest.txt` and all index formats are made
 * from these rows, so they change together.
 * @returns the new generation's number, or undefined when there was nothing to change
 */
export function changeIndex(
  writes: WriteStatements,
  nowMs: number,
  cause: GenerationCause,
  changes: readonly IndexChange[],
): number | undefined {
  if (changes.length === 0) return undefined
  const generation = Number(writes.addGeneration.run({ createdAt: nowMs, cause }).lastInsertRowid)
  for (const { mirrorId, snapshotId } of changes) {
    writes.closeCurrent.run({ mirrorId, generation })
    if (snapshotId !== undefined) writes.openCurrent.run({ mirrorId, generation, snapshotId })
  }
  return generation
}

/** Makes exactly these mirrors the listed ones and brings the index in line, as one generation; inside a transaction. */
export function reconcileListing(writes: WriteStatements, mirrors: readonly string[], nowMs: number): void {
  writes.unlistAll.run()
  for (const name of mirrors) {
    writes.addMirror.run({ name })
    writes.listMirror.run({ name, listed: 1 })
  }
  const gone = writes.unlistedCurrent.all() as { mirrorId: number }[]
  const come = writes.listedWithoutCurrent.all() as IndexChange[]
  const changes = [...gone.map(({ mirrorId }) => ({ mirrorId, snapshotId: undefined })), ...come]
  changeIndex(writes, nowMs, 'configuration', changes)
}

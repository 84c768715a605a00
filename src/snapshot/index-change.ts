import { PinyonError } from '../model/errors.ts'
import { nearestNames } from '../model/snapshot-name.ts'
import type { WriteStatements } from './sql.ts'
import type { GenerationCause, ListedMirror } from './store.ts'

/**
 * Brings the index in line with what is listed, pinned and newest, as one generation; must be called inside a transaction. `latest.txt`
 * and all index formats are made from these rows, so they change together.
 * @returns the new generation's number, or undefined when there was nothing to change
 */
export function refreshIndex(
  writes: WriteStatements,
  nowMs: number,
  cause: GenerationCause,
): number | undefined {
  const changes = writes.staleCurrent.all() as { mirrorId: number; snapshotId: number | null }[]
  if (changes.length === 0) return undefined
  const generation = Number(writes.addGeneration.run({ createdAt: nowMs, cause }).lastInsertRowid)
  for (const { mirrorId, snapshotId } of changes) {
    writes.closeCurrent.run({ mirrorId, generation })
    if (snapshotId !== null) writes.openCurrent.run({ mirrorId, generation, snapshotId })
  }
  return generation
}

/**
 * Makes exactly these mirrors the listed ones, with exactly these pins, and brings the index in line; inside a transaction.
 * @throws PinyonError PIN_UNKNOWN for a pin to a snapshot that is not there; the transaction then has changed nothing
 */
export function reconcileListing(
  writes: WriteStatements,
  mirrors: readonly ListedMirror[],
  nowMs: number,
): void {
  const before = writes.pins.all() as Pin[]
  writes.unlistAll.run()
  for (const { name, pin } of mirrors) {
    writes.addMirror.run({ name })
    writes.listMirror.run({ name, pinId: pin === undefined ? null : findPin(writes, name, pin) })
  }
  refreshIndex(writes, nowMs, causeOf(before, writes.pins.all() as Pin[]))
}

interface Pin {
  readonly name: string
  readonly pinId: number
}

function findPin(writes: WriteStatements, mirror: string, pin: string): number {
  const names = writes.snapshotNames.all({ mirror }) as { id: number; name: string }[]
  const found = names.find(({ name }) => name === pin)
  if (found !== undefined) return found.id
  const nearest = nearestNames(
    pin,
    names.map(({ name }) => name),
  )
  const known = nearest.length === 0 ? 'it has none' : `the nearest are ${nearest.join(', ')}`
  throw new PinyonError('PIN_UNKNOWN', `${mirror} has no snapshot ${pin}: ${known}`, { mirror, pin, nearest })
}

/** What an operator did, as far as it can be told from the pins. */
function causeOf(before: readonly Pin[], after: readonly Pin[]): GenerationCause {
  const had = (pins: readonly Pin[], one: Pin) =>
    pins.some(({ name, pinId }) => name === one.name && pinId === one.pinId)
  if (after.some((pin) => !had(before, pin))) return 'pin'
  if (before.some((pin) => !had(after, pin))) return 'unpin'
  return 'configuration'
}

import { PinyonError } from '../model/errors.ts'
import { nearestNames } from '../model/snapshot-name.ts'
import type { WriteStatements } from './sql.ts'
import type { ChangeOrigin, GenerationCause, ListedMirror } from './store.ts'

/** Different reasons that a generation keeps. */
const MAX_WHYS = 5

/**
 * Brings the index in line with what is listed, pinned and newest, as one generation; must be called inside a transaction. `latest.txt`
 * and all index formats are made from these rows, so they change together.
 * @param pinWhys what was said of pins, by the snapshot's number
 * @returns the new generation's number, or undefined when there was nothing to change
 */
export function refreshIndex(
  writes: WriteStatements,
  nowMs: number,
  { cause, actor }: { readonly cause: GenerationCause; readonly actor: string },
  pinWhys: ReadonlyMap<number, string> = new Map(),
): number | undefined {
  const changes = writes.staleCurrent.all() as { mirrorId: number; snapshotId: number | null }[]
  if (changes.length === 0) return undefined
  const whys = changes.map(({ snapshotId }) => (snapshotId === null ? undefined : pinWhys.get(snapshotId)))
  const added = writes.addGeneration.run({ createdAt: nowMs, cause, actor, why: joinWhys(whys) })
  const generation = Number(added.lastInsertRowid)
  for (const { mirrorId, snapshotId } of changes) {
    writes.closeCurrent.run({ mirrorId, generation })
    if (snapshotId !== null) writes.openCurrent.run({ mirrorId, generation, snapshotId })
  }
  return generation
}

/**
 * Makes exactly the enabled ones of these mirrors the listed ones, with exactly these pins, notes which have left the configuration,
 * and brings the index in line; inside a transaction.
 * @returns the new generation's number, or undefined when the index stayed as it was
 * @throws PinyonError PIN_UNKNOWN for a pin to a snapshot that is not there; the transaction then has changed nothing
 */
export function reconcileListing(
  writes: WriteStatements,
  mirrors: readonly ListedMirror[],
  nowMs: number,
  { actor, cause }: ChangeOrigin,
): number | undefined {
  const before = writes.listings.all() as Listing[]
  const old = new Map(before.map((listing) => [listing.name, listing]))
  writes.unlistAll.run()
  const pinWhys = new Map<number, string>()
  for (const { name, enabled = true, pin, pinWhy = null } of mirrors) {
    if (!enabled) continue
    writes.addMirror.run({ name })
    const pinId = pin === undefined ? null : findPin(writes, name, pin)
    if (pinId !== null && pinWhy !== null) pinWhys.set(pinId, pinWhy)
    const pinnedAt = pinId === null ? null : pinnedSince(old.get(name), pinId, nowMs)
    writes.listMirror.run({ name, pinId, pinWhy, pinnedAt })
  }
  noteRemoved(writes, new Set(mirrors.map(({ name }) => name)), nowMs)
  const after = writes.listings.all() as Listing[]
  return refreshIndex(writes, nowMs, { actor, cause: cause ?? causeOf(before, after) }, pinWhys)
}

/** Since when a mirror is pinned: a database that was made anew has the time, but no longer the pin, which is of the configuration. */
function pinnedSince(before: Listing | undefined, pinId: number, nowMs: number): number | null {
  if (before?.pinId === pinId) return before.pinnedAt
  return before?.pinId === null && before.pinnedAt !== null ? before.pinnedAt : nowMs
}

/** Each reason once; null for none. One edit of the file may pin a whole farm, each mirror with words of its own. */
function joinWhys(whys: readonly (string | undefined)[]): string | null {
  const said = [...new Set(whys.filter((why) => why !== undefined))]
  const more = said.length > MAX_WHYS ? ['…'] : []
  return said.length === 0 ? null : [...said.slice(0, MAX_WHYS), ...more].join('; ')
}

/** What the configuration said of a mirror. */
interface Listing {
  readonly name: string
  readonly listed: number
  readonly pinId: number | null
  readonly pinnedAt: number | null
  readonly removedAt: number | null
}

function noteRemoved(writes: WriteStatements, configured: ReadonlySet<string>, nowMs: number): void {
  for (const { name, removedAt } of writes.listings.all() as Listing[]) {
    if (configured.has(name) && removedAt !== null) writes.setRemoved.run({ name, removedAt: null })
    if (!configured.has(name) && removedAt === null) writes.setRemoved.run({ name, removedAt: nowMs })
  }
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

/** What an operator did, as far as it can be told from what is configured. */
function causeOf(before: readonly Listing[], after: readonly Listing[]): GenerationCause {
  const old = new Map(before.map((listing) => [listing.name, listing]))
  const isPinned = after.some(({ name, pinId }) => pinId !== null && pinId !== old.get(name)?.pinId)
  if (isPinned) return 'pin'
  const isUnpinned = ({ name, listed, pinId }: Listing) =>
    listed === 1 && pinId === null && (old.get(name)?.pinId ?? null) !== null
  if (after.some(isUnpinned)) return 'unpin'
  const isRemoved = ({ name, removedAt }: Listing) => removedAt !== null && old.get(name)?.listed === 1
  return after.some(isRemoved) ? 'remove' : 'configuration'
}

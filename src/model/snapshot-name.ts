/** `2016-12-13-13-30`: the UTC minute of publication, as mirror_mgr.sh wrote it. Lexical order is publish order. */
export const SNAPSHOT_NAME = /^\d{4}(-\d{2}){4}$/

const MINUTE_MS = 60_000

/** Names the minute that holds this moment (milliseconds since the epoch). */
export function formatSnapshotName(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 16).replace(/[T:]/g, '-')
}

/** The first moment of the minute a snapshot is named after, in milliseconds; undefined when it is no snapshot name. */
export function parseSnapshotName(name: string): number | undefined {
  if (!SNAPSHOT_NAME.test(name)) return undefined
  const [year, month, day, hour, minute] = name.split('-')
  const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00.000Z`)
  return Number.isNaN(atMs) || formatSnapshotName(atMs) !== name ? undefined : atMs
}

/**
 * The name of a snapshot published now: this minute, or the next free one after the mirror's latest name, so that names stay
 * unique and ordered even when two are published within a minute or the clock steps back.
 */
export function nextSnapshotName(nowMs: number, latest: string | undefined): string {
  const name = formatSnapshotName(nowMs)
  if (latest === undefined || name > latest) return name
  const latestMs = parseSnapshotName(latest)
  return formatSnapshotName((latestMs ?? nowMs) + MINUTE_MS)
}

/** Of these names the few that are nearest to one in time, in their order: what may have been meant. */
export function nearestNames(name: string, names: readonly string[], count = 3): string[] {
  const atMs = parseSnapshotName(name) ?? 0
  const at = formatSnapshotName(atMs)
  // Those next to it in time are so by name: reading each of a thousand would take milliseconds, and anybody can ask.
  const sorted = names.toSorted()
  const later = sorted.findIndex((one) => one >= at)
  const middle = later < 0 ? sorted.length : later
  const near = new Set(sorted.slice(Math.max(0, middle - count), middle + count))
  const distance = (one: string) => Math.abs((parseSnapshotName(one) ?? 0) - atMs)
  return names
    .filter((one) => near.has(one))
    .toSorted((a, b) => distance(a) - distance(b))
    .slice(0, count)
    .toSorted()
}

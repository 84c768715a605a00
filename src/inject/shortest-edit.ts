/** A stretch of lines that differs: `from[fromStart..fromEnd)` became `to[toStart..toEnd)`. */
export interface LineChange {
  readonly fromStart: number
  readonly fromEnd: number
  readonly toStart: number
  readonly toEnd: number
}

/** Beyond this many removed and added lines a stretch without unique lines is not worth the search. */
const DISTANCE_MAX = 256
/** Steps for one stretch, which shorten the search in long ones. */
const STEPS_MAX = 4_000_000

/**
 * The shortest edit of a stretch as stretches that differ (Myers, "An O(ND) difference algorithm", 1986); the stretch as a whole when it
 * would take too long.
 */
export function findShortestEdit(from: Int32Array, to: Int32Array, change: LineChange): LineChange[] {
  const { fromStart, fromEnd, toStart, toEnd } = change
  const [rows, columns] = [fromEnd - fromStart, toEnd - toStart]
  const limit = Math.min(DISTANCE_MAX, Math.floor(STEPS_MAX / (rows + columns)))
  // reached[k + limit + 1]: how far down diagonal k (row - column) one comes; kept for every distance to walk back.
  const reached = new Int32Array(2 * limit + 3)
  const trace: Int32Array[] = []
  for (let distance = 0; distance <= limit; distance += 1) {
    for (let k = -distance; k <= distance; k += 2) {
      const at = k + limit + 1
      const [left, right] = [reached[at - 1] ?? 0, reached[at + 1] ?? 0]
      let row = k === -distance || (k !== distance && left < right) ? right : left + 1
      while (row < rows && row - k < columns && from[fromStart + row] === to[toStart + row - k]) row += 1
      reached[at] = row
      if (row >= rows && row - k >= columns) return walkBack([...trace, reached], limit, change)
    }
    trace.push(reached.slice())
  }
  return [change]
}

/** Collects the steps of an edit from its end, joined to stretches. */
function walkBack(trace: readonly Int32Array[], limit: number, change: LineChange): LineChange[] {
  const changes: LineChange[] = []
  let [row, column] = [change.fromEnd - change.fromStart, change.toEnd - change.toStart]
  for (let distance = trace.length - 1; distance > 0; distance -= 1) {
    const before = trace[distance - 1]
    const k = row - column
    const [left, right] = [before?.[k + limit] ?? 0, before?.[k + limit + 2] ?? 0]
    const isAdded = k === -distance || (k !== distance && left < right)
    row = isAdded ? right : left
    column = isAdded ? row - k - 1 : row - k + 1
    const step = {
      fromStart: change.fromStart + row,
      fromEnd: change.fromStart + row + (isAdded ? 0 : 1),
      toStart: change.toStart + column,
      toEnd: change.toStart + column + (isAdded ? 1 : 0),
    }
    const next = changes.at(-1)
    if (next === undefined || next.fromStart !== step.fromEnd || next.toStart !== step.toEnd)
      changes.push(step)
    else changes[changes.length - 1] = { ...next, fromStart: step.fromStart, toStart: step.toStart }
  }
  return changes.toReversed()
}

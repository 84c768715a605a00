import { findShortestEdit, type LineChange } from './shortest-edit.ts'

/** Stretches are split at lines that are unique in both, and these again: configurations need two or three rounds. */
const ROUNDS_MAX = 32

/**
 * What differs between two lists of lines, in order. Lines that occur once on both sides hold them together (so does patience diff);
 * between these the shortest edit is looked for with bounded effort, beyond which a stretch counts as replaced. Time grows in proportion
 * to the lines, whatever is in them.
 */
export function diffLines(before: readonly string[], after: readonly string[]): readonly LineChange[] {
  const ids = new Map<string, number>()
  const number = (lines: readonly string[]) => Int32Array.from(lines, (line) => identify(line, ids))
  const [from, to] = [number(before), number(after)]
  const changes: LineChange[] = []
  const whole = { fromStart: 0, fromEnd: from.length, toStart: 0, toEnd: to.length }
  // The last one is looked at next, so that changes come out in order.
  const stack: { change: LineChange; round: number }[] = [{ change: whole, round: 0 }]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const change = trim(from, to, top.change)
    if (change.fromStart === change.fromEnd && change.toStart === change.toEnd) continue
    if (change.fromStart === change.fromEnd || change.toStart === change.toEnd) changes.push(change)
    else if (top.round === ROUNDS_MAX) changes.push(change)
    else {
      const parts = splitAtUnique(from, to, change)
      for (const change of parts.toReversed()) stack.push({ change, round: top.round + 1 })
      if (parts.length === 0) for (const one of findShortestEdit(from, to, change)) changes.push(one)
    }
  }
  return changes
}

function identify(line: string, ids: Map<string, number>): number {
  const known = ids.get(line)
  if (known !== undefined) return known
  ids.set(line, ids.size)
  return ids.size - 1
}

/** A stretch without what its sides have in common at its beginning and end. */
function trim(from: Int32Array, to: Int32Array, change: LineChange): LineChange {
  let { fromStart, fromEnd, toStart, toEnd } = change
  while (fromStart < fromEnd && toStart < toEnd && from[fromStart] === to[toStart]) {
    fromStart += 1
    toStart += 1
  }
  while (fromStart < fromEnd && toStart < toEnd && from[fromEnd - 1] === to[toEnd - 1]) {
    fromEnd -= 1
    toEnd -= 1
  }
  return { fromStart, fromEnd, toStart, toEnd }
}

/** The stretches between lines that are unique on both sides; none where there are no such lines. */
function splitAtUnique(from: Int32Array, to: Int32Array, change: LineChange): LineChange[] {
  const places = findUnique(to, change.toStart, change.toEnd)
  const pairs: { from: number; to: number }[] = []
  for (const [id, at] of findUnique(from, change.fromStart, change.fromEnd)) {
    const place = places.get(id)
    if (place !== undefined && at >= 0 && place >= 0) pairs.push({ from: at, to: place })
  }
  const anchors = findLongestRise(pairs)
  if (anchors.length === 0) return []
  const parts: LineChange[] = []
  let [fromStart, toStart] = [change.fromStart, change.toStart]
  for (const anchor of anchors) {
    parts.push({ fromStart, fromEnd: anchor.from, toStart, toEnd: anchor.to })
    fromStart = anchor.from + 1
    toStart = anchor.to + 1
  }
  parts.push({ fromStart, fromEnd: change.fromEnd, toStart, toEnd: change.toEnd })
  return parts
}

/** Where each line stands within a stretch, in order; -1 for those that occur more than once. */
function findUnique(lines: Int32Array, start: number, end: number): Map<number, number> {
  const places = new Map<number, number>()
  for (let at = start; at < end; at += 1) {
    const id = lines[at] ?? -1
    places.set(id, places.has(id) ? -1 : at)
  }
  return places
}

/** The longest selection of pairs, sorted by `from`, whose `to` rises as well. */
function findLongestRise<Pair extends { readonly to: number }>(pairs: readonly Pair[]): Pair[] {
  // tails[n] ends the rise of length n + 1 that ends lowest.
  const tails: number[] = []
  const previous = new Int32Array(pairs.length)
  for (const [index, { to }] of pairs.entries()) {
    let [low, high] = [0, tails.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((pairs[tails[middle] ?? 0]?.to ?? 0) < to) low = middle + 1
      else high = middle
    }
    previous[index] = tails[low - 1] ?? -1
    tails[low] = index
  }
  const rise: Pair[] = []
  for (let index = tails.at(-1) ?? -1; index >= 0; index = previous[index] ?? -1) {
    const pair = pairs[index]
    if (pair !== undefined) rise.push(pair)
  }
  return rise.toReversed()
}

import type { Random } from '../support/random.ts'

/** A change of a file's bytes: some are written, or it gets a length. */
export type Change = { readonly at: number; readonly data: Buffer } | { readonly length: number }

/** What a disk writes as a whole, in bytes. */
const SECTOR_BYTES = 512

/** The bytes of a file after changes in their order. What lies between its end and a write is zero. */
export function applyChanges(initial: Buffer, changes: readonly Change[]): Buffer {
  if (changes.length === 0) return initial
  let length = initial.length
  let bytes: Buffer = Buffer.from(initial)
  for (const change of changes) {
    const end = 'length' in change ? change.length : Math.max(length, change.at + change.data.length)
    if (end > bytes.length) bytes = Buffer.concat([bytes], Math.max(end, 2 * bytes.length))
    if (end > length) bytes.fill(0, length, end)
    if ('data' in change) change.data.copy(bytes, change.at)
    length = end
  }
  return bytes.subarray(0, length)
}

/** Of changes that nothing has made durable those that happen to be: none, all, the first, or any, and of a write any of its sectors. */
export function tear(changes: readonly Change[], random: Random): Change[] {
  const way = random.below(4)
  if (way === 0 || changes.length === 0) return []
  if (way === 1) return [...changes]
  if (way === 2) return changes.slice(0, random.below(changes.length + 1))
  return changes.filter(() => random.once(2)).flatMap((change) => tearWrite(change, random))
}

function tearWrite(change: Change, random: Random): Change[] {
  if ('length' in change || random.once(2)) return [change]
  const sectors: Change[] = []
  for (let from = 0; from < change.data.length;) {
    const at = change.at + from
    const to = Math.min(change.data.length, from + SECTOR_BYTES - (at % SECTOR_BYTES))
    if (random.once(2)) sectors.push({ at, data: change.data.subarray(from, to) })
    from = to
  }
  return sectors
}

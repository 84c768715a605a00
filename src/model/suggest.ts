/** How many letters may be wrong for a word to count as a misspelling. */
const DISTANCE_MAX = 2
const FAR = DISTANCE_MAX + 1

/** The known key somebody may have meant, or undefined when none is near: `data-dir`, `dataDir` and `datadri` are `data_dir`. */
export function suggestKey(found: string, known: readonly string[]): string | undefined {
  const bare = bareKey(found)
  const ranked = known
    .map((key) => ({ key, distance: editDistance(bare, bareKey(key)) }))
    .filter(({ key, distance }) => distance <= DISTANCE_MAX && distance < key.length / 2)
    .toSorted((left, right) => left.distance - right.distance)
  return ranked[0]?.key
}

/** A key without the ways of joining its words; cut, since no key is nearly as long. */
function bareKey(key: string): string {
  return key.slice(0, 40).toLowerCase().replace(/[_-]/g, '')
}

/** Levenshtein's: the least number of letters to insert, remove or change; FAR when that is too many. Anybody may ask for names beside a thousand others. */
function editDistance(left: string, right: string): number {
  if (Math.abs(left.length - right.length) > DISTANCE_MAX) return FAR
  let previous = Uint8Array.from({ length: right.length + 1 }, (_, column) => Math.min(column, FAR))
  for (let row = 1; row <= left.length; row++) {
    const current = new Uint8Array(right.length + 1).fill(FAR)
    let nearest = (current[0] = Math.min(row, FAR))
    const last = Math.min(right.length, row + DISTANCE_MAX)
    for (let column = Math.max(1, row - DISTANCE_MAX); column <= last; column++) {
      const changed = (previous[column - 1] ?? FAR) + (left[row - 1] === right[column - 1] ? 0 : 1)
      const distance = Math.min(changed, (previous[column] ?? FAR) + 1, (current[column - 1] ?? FAR) + 1, FAR)
      current[column] = distance
      nearest = Math.min(nearest, distance)
    }
    if (nearest === FAR) return FAR
    previous = current
  }
  return previous.at(-1) ?? FAR
}

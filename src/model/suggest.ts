/** How many letters may be wrong for a word to count as a misspelling. */
const DISTANCE_MAX = 2

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

/** Levenshtein's: the least number of letters to insert, remove or change. */
function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const changed = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1)
      current.push(Math.min(changed, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous.at(-1) ?? 0
}

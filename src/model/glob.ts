/** Whether a pattern of `*`, `?` and literal characters matches all of a text; in time of the product of both lengths. */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0
  let star = -1
  let starAt = 0
  for (let position = 0; position < text.length;) {
    if (pattern[at] === '*') {
      star = at
      starAt = position
      at += 1
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[position])) {
      at += 1
      position += 1
    } else if (star >= 0) {
      // The last star takes one character more.
      starAt += 1
      position = starAt
      at = star + 1
    } else return false
  }
  while (pattern[at] === '*') at += 1
  return at === pattern.length
}

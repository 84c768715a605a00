import { formatNevra, type Nevra } from './nevra.ts'

/**
 * Whether a package is meant by what somebody wrote, as dnf takes it: its name, with any of version, release, epoch and architecture as dnf
 * writes them, or the name of its file; `*` and `?` stand for any characters.
 */
export function isMeant(spec: string, { href, ...nevra }: Nevra & { readonly href: string }): boolean {
  const { name, epoch, version, release, arch } = nevra
  const evr = `${version}-${release}`
  const written = [
    name,
    `${name}.${arch}`,
    `${name}-${version}`,
    `${name}-${evr}`,
    `${name}-${evr}.${arch}`,
    `${name}-${epoch}:${evr}`,
    `${name}-${epoch}:${evr}.${arch}`,
    formatNevra(nevra),
    href,
    href.slice(href.lastIndexOf('/') + 1),
  ]
  return written.some((text) => matchesGlob(spec, text))
}

/** Whether a pattern of `*`, `?` and literal characters matches all of a text; in time of the product of both lengths. */
function matchesGlob(pattern: string, text: string): boolean {
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

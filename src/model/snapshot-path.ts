import { belowClimb, climbing, climbOf, MAX_CLIMB } from './href.ts'

/** Stands in URLs for a directory above a repository's root. */
const PAD = '_'

/** What says where clients find a snapshot. */
export interface SnapshotPlace {
  readonly mirror: string
  readonly name: string
  /** The most directories above the root that a package of it lies in. */
  readonly climb: number
}

/**
 * The path that clients are given as a snapshot's base URL, without a trailing slash. It ends in as many segments as its packages climb:
 * clients resolve `<base>/../../x.rpm` before they ask, and so never leave the snapshot.
 */
export function snapshotPath({ mirror, name, climb }: SnapshotPlace): string {
  return `/repos/yum/${mirror}/${name}${padding(climb)}`
}

/** What follows the name of a snapshot, or of a rolling view of it, in its base URL. */
export function padding(climb: number): string {
  return `/${PAD}`.repeat(climb)
}

/** The path below a snapshot at which clients ask for an href. */
export function placeOf(href: string, climb: number): string {
  return climb === 0 ? href : `${PAD}/`.repeat(Math.max(0, climb - climbOf(href))) + belowClimb(href)
}

/**
 * The hrefs that a path below a snapshot may stand for, the likeliest first. Beside what its base URL makes of it, that is what lies below
 * the repository's root, for who asks without the segments that stand for what is above, or with more of them.
 */
export function hrefsAt(path: string, climb: number): readonly string[] {
  const isPadded = path.startsWith(`${PAD}/`)
  if (climb === 0 && !isPadded) return [path]
  const rests = isPadded ? withoutPads(path) : [path]
  const hrefs = rests.slice(0, climb + 1).map((rest, pads) => climbing(climb - pads, rest))
  return [...new Set([...hrefs.toReversed(), path, ...rests.slice(-1)])]
}

/** A path with none, one, … and all of the pads that it begins with taken away. */
function withoutPads(path: string): string[] {
  const rests = [path]
  for (let rest = path; rest.startsWith(`${PAD}/`) && rests.length <= MAX_CLIMB;) {
    rest = rest.slice(PAD.length + 1)
    rests.push(rest)
  }
  return rests
}

import { splitArch } from './arch.ts'
import { belowClimb, climbing, climbOf, MAX_CLIMB } from './href.ts'

/** Stands in URLs for a directory above a repository's root. */
const PAD = '_'
/** What clients replace by their own architecture. */
const BASEARCH = '$basearch'

/** What says how paths below a snapshot are. */
export interface SnapshotLayout {
  /** The most directories above its repository's root that a package lies in. */
  readonly climb: number
  /** Of a snapshot of several architectures: which it has, each below a directory of its name. Undefined for one of a single repository. */
  readonly arches?: readonly string[] | undefined
}

/** What says where clients find a snapshot. */
export interface SnapshotPlace extends SnapshotLayout {
  readonly mirror: string
  readonly name: string
}

/**
 * The path that clients are given as a snapshot's base URL, without a trailing slash. It ends in as many segments as its packages climb:
 * clients resolve `<base>/../../x.rpm` before they ask, and so never leave the snapshot. Where there are several architectures it ends in
 * `/$basearch`, which is one of these segments, and clients never leave `<snapshot>/<arch>/`.
 */
export function snapshotPath({ mirror, name, ...layout }: SnapshotPlace): string {
  return `/repos/yum/${mirror}/${name}${baseEnd(layout)}`
}

/** What follows the name of a snapshot, or of a rolling view of it, in its base URL. */
export function baseEnd({ climb, arches }: SnapshotLayout): string {
  if (arches === undefined) return `/${PAD}`.repeat(climb)
  return climb === 0 ? `/${BASEARCH}` : `/${BASEARCH}${`/${PAD}`.repeat(climb - 1)}/${BASEARCH}`
}

/** The path below a snapshot at which clients ask for an href. */
export function placeOf(href: string, { climb, arches }: SnapshotLayout): string {
  if (climb === 0) return href
  const found = arches && splitArch(href, arches)
  if (found === undefined) return `${PAD}/`.repeat(Math.max(0, climb - climbOf(href))) + belowClimb(href)
  const { arch, path } = found
  const own = climbOf(path)
  const pads = `${PAD}/`.repeat(Math.max(0, climb - Math.max(own, 1)))
  return `${arch}/${pads}${own === 0 ? `${arch}/` : ''}${belowClimb(path)}`
}

/**
 * The hrefs that a path below a snapshot may stand for, the likeliest first. Beside what its base URL makes of it, that is what lies below
 * the repository's root, for who asks without the segments that stand for what is above, or with more of them.
 */
export function hrefsAt(path: string, { climb, arches }: SnapshotLayout): readonly string[] {
  if (arches === undefined) return hrefsOfOne(path, climb)
  const found = splitArch(path, arches)
  if (found === undefined) return [path]
  const { arch } = found
  return hrefsOfOne(found.path, climb, `${arch}/`).map((href) => `${arch}/${href}`)
}

/** @param last the segment that stands for the directory above the root where that is no pad, with a slash */
function hrefsOfOne(path: string, climb: number, last?: string): readonly string[] {
  const isPadded = path.startsWith(`${PAD}/`)
  if (climb === 0 && !isPadded) return [path]
  const rests = isPadded ? withoutPads(path) : [path]
  const own = rests.slice(0, climb + 1).flatMap((rest, pads) => {
    if (last === undefined || pads < climb - 1) return [climbing(climb - pads, rest)]
    // The last segment is the architecture's, and so never a pad.
    if (pads > climb - 1) return []
    return [climbing(1, rest), ...(rest.startsWith(last) ? [rest.slice(last.length)] : [])]
  })
  return [...new Set([...own.toReversed(), path, ...rests.slice(-1)])]
}

/** How many directories above its repository's root a stored href begins: `../` stands at its beginning, or behind its architecture. */
export function climbOfStored(href: string): number {
  if (href.startsWith('../')) return climbOf(href)
  const at = href.indexOf('/../')
  return at < 0 ? 0 : climbOf(href.slice(at + 1))
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

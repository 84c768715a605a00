/** Epoch, version and release of a package, each as repodata states them; an absent epoch is `0`. */
export interface Evr {
  readonly epoch: string
  readonly version: string
  readonly release: string
}

/** What rpm compares: runs of digits, runs of ASCII letters, tilde and caret. Everything else only separates. */
const SEGMENTS = /[0-9]+|[A-Za-z]+|[~^]/g

const NUMBER = /^[0-9]/

/** The order of two segments that are neither tilde nor caret: a number is newer than letters, and numbers may be long. */
function compareSegments(a: string, b: string): number {
  const aIsNumber = NUMBER.test(a)
  const bIsNumber = NUMBER.test(b)
  if (aIsNumber !== bIsNumber) return aIsNumber ? 1 : -1
  const x = aIsNumber ? a.replace(/^0+/, '') : a
  const y = aIsNumber ? b.replace(/^0+/, '') : b
  if (aIsNumber && x.length !== y.length) return x.length < y.length ? -1 : 1
  return x === y ? 0 : x < y ? -1 : 1
}

/**
 * Compares two version or release strings as rpm's `rpmvercmp` (4.15 and later) does: `~` sorts before the end of the string,
 * `^` after it but before anything else, leading zeros and the kind of separator do not count. Returns -1, 0 or 1.
 */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0
  const left = a.match(SEGMENTS) ?? []
  const right = b.match(SEGMENTS) ?? []
  for (let i = 0; i < left.length || i < right.length; i++) {
    const x = left[i]
    const y = right[i]
    if (x === '~' || y === '~') {
      if (x !== '~') return 1
      if (y !== '~') return -1
    } else if (x === '^' || y === '^') {
      if (x === undefined || (y !== undefined && x === '^' && y !== '^')) return -1
      if (y === undefined || x !== '^') return 1
    } else {
      if (x === undefined) return -1
      if (y === undefined) return 1
      const order = compareSegments(x, y)
      if (order !== 0) return order
    }
  }
  return 0
}

/** Compares two packages of one name by epoch, then version, then release; an empty epoch counts as `0`. Returns -1, 0 or 1. */
export function compareEvr(a: Evr, b: Evr): number {
  return (
    compareVersions(a.epoch || '0', b.epoch || '0') ||
    compareVersions(a.version, b.version) ||
    compareVersions(a.release, b.release)
  )
}

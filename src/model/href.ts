/** Segments of common characters that begin with no dot, one slash between them: what nearly every href is already. */
const NORMAL = /^[\w+~^%@,=-][\w+~^%@,=.-]*(?:\/[\w+~^%@,=-][\w+~^%@,=.-]*)*$/

/** No request could name a longer one, and no file system hold it. */
const MAX_HREF_LENGTH = 4_096

/** The most directories above its repository's root that a package may lie in: real ones climb four. */
export const MAX_CLIMB = 16

const UP = '../'

/**
 * A location href of repomd.xml in the one form under which pinyon stores and looks it up: slashes merged, dot segments resolved as every
 * client's URL library does (RFC 3986 §5.2.4), nothing percent-decoded. Undefined when it is empty, absolute, leaves the repository, names a
 * directory (`a/..`), is longer than 4096 characters, or holds a control character: no path below a snapshot can name such a file.
 */
export function normalizeHref(href: string): string | undefined {
  return resolveHref(href, 0)
}

/**
 * The same of a package, which may lie above its repository's root (`../../blobstore/x.rpm`), at most {@link MAX_CLIMB} directories: what
 * climbs remains in front.
 */
export function normalizePackageHref(href: string): string | undefined {
  return resolveHref(href, MAX_CLIMB)
}

function resolveHref(href: string, maxClimb: number): string | undefined {
  if (href.length > MAX_HREF_LENGTH) return undefined
  if (NORMAL.test(href)) return href
  const segments = splitHref(href)
  if (segments === undefined || segments.length === 0 || segments.at(-1) === '..') return undefined
  const below: string[] = []
  let climb = 0
  for (const segment of segments) {
    if (segment !== '..') below.push(segment)
    else if (below.pop() === undefined) climb += 1
  }
  return climb > maxClimb ? undefined : UP.repeat(climb) + below.join('/')
}

/** How many directories above the repository's root a normalized href begins at. */
export function climbOf(href: string): number {
  let climb = 0
  while (href.startsWith(UP, climb * UP.length)) climb += 1
  return climb
}

/** A normalized href without what climbs. */
export function belowClimb(href: string): string {
  return href.slice(climbOf(href) * UP.length)
}

/** The href that climbs so many directories and then leads down. */
export function climbing(climb: number, below: string): string {
  return UP.repeat(climb) + below
}

/** Segments that say something; undefined for what cannot be a path below anything. */
function splitHref(href: string): string[] | undefined {
  // oxlint-disable-next-line no-control-regex -- refusing control characters is the point
  if (/[\u0000-\u001f\u007f\\]/.test(href) || /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\//.test(href)) return undefined
  if (href.startsWith('/')) return undefined
  return href.split('/').filter((segment) => segment !== '' && segment !== '.')
}

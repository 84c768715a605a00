import { belowClimb, climbOf, normalizeHref, normalizePackageHref } from './href.ts'

/** The directory below a snapshot of packages that their repository says to be elsewhere. */
const DIRECTORY = '_base'

/** Where a repository says that a package is: `xml:base` of its location, and the href beside it. */
export interface BasedHref {
  /** An http or https URL ends in a slash; else as written: other schemes, paths, and what is neither. */
  readonly base: string
  /** Climbs nowhere when the base is a URL. */
  readonly href: string
}

/**
 * The href below a snapshot of a package that its repository says to be at a base, or at a URL: `_base/<base in base64url>/<href>`, which
 * says all that there is to know, is no other package's, and ends in the same file name. Undefined where there is neither base nor URL.
 */
export function toBasedHref(base: string | undefined, href: string): string | undefined {
  const split = base ? { base, href: href.replace(/^\/+/, '') } : splitUrl(href)
  if (split === undefined) return undefined
  const below = normalizePackageHref(split.href)
  const found = below === undefined ? undefined : resolve(split.base, below)
  const encoded = found && Buffer.from(found.base).toString('base64url')
  return encoded ? normalizeHref(`${DIRECTORY}/${encoded}/${found?.href}`) : undefined
}

/** What such an href stands for; undefined for any other. */
export function parseBasedHref(path: string): BasedHref | undefined {
  const [, encoded, href] = /^_base\/([\w-]+)\/(.+)$/.exec(path) ?? []
  if (encoded === undefined || href === undefined) return undefined
  const bytes = Buffer.from(encoded, 'base64url')
  const base = bytes.toString()
  return Buffer.from(base).toString('base64url') === encoded ? { base, href } : undefined
}

/** Whether an href is a whole URL, which clients take for one whatever stands beside it. */
export function isUrl(href: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(href)
}

function splitUrl(href: string): BasedHref | undefined {
  if (!isUrl(href)) return undefined
  const slash = href.lastIndexOf('/') + 1
  return { base: href.slice(0, slash), href: href.slice(slash) }
}

/** Without credentials, query and fragment, and with what the href climbs gone from a URL's path. */
function resolve(base: string, href: string): BasedHref | undefined {
  const url = isUrl(base) ? URL.parse(base) : null
  if (url === null || !/^https?:$/.test(url.protocol)) return climbOf(href) > 0 ? undefined : { base, href }
  url.username = ''
  url.password = ''
  url.search = ''
  url.hash = ''
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return { base: new URL('../'.repeat(climbOf(href)) || './', url).href, href: belowClimb(href) }
}

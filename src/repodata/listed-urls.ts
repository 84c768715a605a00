import { expandVariables } from '../model/yum-variables.ts'

/** Beyond this many of a list's URLs nobody looks: public ones have some hundred. */
const MAX_LOOKED_AT = 5_000
/** As many mirrors as are worth knowing: each that has not got a file costs a request. */
const MAX_LISTED = 32
/** As long as URLs of repositories ever are, many times. */
const MAX_LENGTH = 2_048

/** What a URL parser drops or rewrites without a word, and what would be a template's. */
// oxlint-disable-next-line no-control-regex -- refusing control characters is the point
const UNSAFE = /[\u0000-\u0020\u007f\\{}?#]/

/**
 * The roots of a repository that a list's URLs name, in the list's order, each once: those of http and https without credentials and query.
 * Of a host that has both, https is taken.
 *
 * @param suffix what each must end in, which is not a part of the root
 * @param variables by name, for `$basearch` and the like
 */
export function selectRoots(
  urls: Iterable<string>,
  suffix: string,
  variables: ReadonlyMap<string, string>,
): readonly string[] {
  const roots = new Map<string, string>()
  let looked = 0
  for (const text of urls) {
    looked += 1
    if (looked > MAX_LOOKED_AT) break
    const root = readRoot(expandVariables(text, variables), suffix)
    if (root === undefined) continue
    const place = root.slice(root.indexOf('://'))
    const known = roots.get(place)
    if (known === undefined && roots.size === MAX_LISTED) continue
    if (known === undefined || root.startsWith('https:')) roots.set(place, root)
  }
  return [...roots.values()]
}

function readRoot(text: string, suffix: string): string | undefined {
  if (text.length > MAX_LENGTH || UNSAFE.test(text) || !/^https?:\/\/[^/]/i.test(text)) return undefined
  if (!text.endsWith(suffix)) return undefined
  const url = URL.parse(text.slice(0, text.length - suffix.length))
  // Who lists a mirror with a password would have us hand it on.
  if (url === null || url.username !== '' || url.password !== '' || text.includes('$')) return undefined
  return url.pathname.endsWith('/') ? url.href : `${url.href}/`
}

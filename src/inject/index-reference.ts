/** The parts of a URL (RFC 3986, appendix B). */
const PARTS = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(?:#.*)?$/s

/** Schemes from which yum and dnf take packages. */
const PACKAGE_SCHEMES = /^(?:https?|ftp|file):\/\//i

/** What would end a line of a configuration, be taken off it, or make two URLs of one. */
// oxlint-disable-next-line no-control-regex -- finding control characters is the point
const NOT_IN_URLS = /[\u0000-\u0020,\u007f-\u00a0\u2028\u2029\ufeff"<>]/
const URL_MAX = 4_096

/** Whether a text begins with a scheme, as `http:` or `data:`. */
export function hasScheme(reference: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:/.test(reference)
}

/**
 * Makes a reference absolute (RFC 3986, section 5.2), and changes nothing else about it: `$basearch` and a slash at the end stay, and
 * so does what is absolute already.
 * @param base an absolute URL with an authority, or `file:///…`
 */
export function resolveReference(base: string, reference: string): string {
  if (hasScheme(reference)) return reference
  const [, scheme = '', authority = '', basePath = '', baseQuery = ''] = PARTS.exec(base) ?? []
  if (reference.startsWith('//')) return `${scheme}:${reference}`
  const [, , , path = '', query = ''] = PARTS.exec(reference) ?? []
  const origin = `${scheme}://${authority}`
  if (path === '') return `${origin}${basePath}${query === '' ? baseQuery : query}`
  const directory = basePath.slice(0, basePath.lastIndexOf('/') + 1)
  const merged = path.startsWith('/') ? path : `${directory === '' ? '/' : directory}${path}`
  return `${origin}${removeDotSegments(merged)}${query}`
}

/** RFC 3986, section 5.2.4, for a path that begins with a slash. */
function removeDotSegments(path: string): string {
  const segments = path.split('/').slice(1)
  const kept: string[] = []
  for (const [index, segment] of segments.entries()) {
    const isDots = segment === '.' || segment === '..'
    if (segment === '..') kept.pop()
    if (!isDots) kept.push(segment)
    else if (index === segments.length - 1) kept.push('')
  }
  return `/${kept.join('/')}`
}

/** Whether a text can stand as a `baseurl`: one absolute URL, with variables of yum or without. */
export function isPackageUrl(text: string): boolean {
  if (text.length > URL_MAX || NOT_IN_URLS.test(text) || !PACKAGE_SCHEMES.test(text)) return false
  return URL.canParse(text.replace(/\$\{?\w+\}?/g, 'x'))
}

/**
 * The bytes in `data:application/json,…` or `data:application/json;base64,…` (RFC 2397); undefined for any other. JSON without escapes is taken
 * as it is, percent signs included, which is how oVirt's tools write it.
 */
export function decodeDataUrl(url: string): Uint8Array | undefined {
  const [, base64, data = ''] = /^data:application\/json(;base64)?,(.*)$/is.exec(url) ?? []
  if (base64 !== undefined) return decodeBase64(data)
  if (!/^data:application\/json,/i.test(url)) return undefined
  if (data.trimStart().startsWith('{')) return Buffer.from(data)
  try {
    return Buffer.from(decodeURIComponent(data))
  } catch {
    return undefined
  }
}

function decodeBase64(data: string): Uint8Array | undefined {
  const text = data.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(text.replace(/\s/g, '')) ? Buffer.from(text, 'base64') : undefined
}

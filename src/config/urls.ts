import { fileURLToPath } from 'node:url'

import { maskQuery } from '../model/shown-url.ts'

/** A value that was read, or what should have stood there. */
export type Parsed<T> = { readonly value: T } | { readonly expected: string }

/** Characters that URL parsers drop or rewrite silently, so that what is asked would not be what is written. */
// oxlint-disable-next-line no-control-regex -- refusing control characters is the point
const UNSAFE = /[\u0000-\u0020\u007f\\]/

const BASEURL = 'an http, https or file URL'
const LIST = 'an http, https or file URL of a list of mirrors'
const KNOWN_VARIABLES = 'of which vars has all variables, such as releasever and basearch'
const XML_BASE = 'an http or https URL'
const KEY = 'an http, https or file URL of a key'
const PROXY = 'a proxy such as http://proxy.example.org:3128 or socks5h://proxy.example.org:1080, or _none_'
const PUBLIC_URL = 'an http or https URL such as https://mirrors.example.org'

/**
 * Reads the URL of a repository's root: http, https or file, without query and fragment, made to end in `/`.
 *
 * @param base URL of the configuration file, to which `file:sample/` is relative
 */
export function parseBaseurl(text: string, base: URL): Parsed<string> {
  if (hasVariables(text)) return { expected: `${BASEURL} ${KNOWN_VARIABLES}` }
  const url =
    /^file:(?!$)/i.test(text) && !UNSAFE.test(text) ? URL.parse(text, base.href) : parseHttpUrl(text)
  if (url === null) return { expected: BASEURL }
  if (/[?#]/.test(text)) return { expected: `${BASEURL} without query and fragment` }
  if (url.protocol === 'file:' && !isLocalPath(url))
    return { expected: 'a file URL without host: file:///path/ or file:path/' }
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return { value: url.href }
}

/**
 * Reads the URL of a metalink or mirrorlist, which may have a query.
 *
 * @param base URL of the configuration file, to which `file:lists/epel` is relative
 */
export function parseListUrl(text: string, base: URL): Parsed<string> {
  if (hasVariables(text)) return { expected: `${LIST} ${KNOWN_VARIABLES}` }
  const isFile = /^file:(?!$)/i.test(text) && !UNSAFE.test(text)
  const url = isFile ? URL.parse(text, base.href) : parseHttpUrl(text)
  // A template's URL would be taken for one.
  if (url === null || /[{}]/.test(text) || (isFile && !isLocalPath(url))) return { expected: LIST }
  if (text.includes('#')) return { expected: `${LIST}, without a fragment` }
  return { value: url.href }
}

/** Reads a URL below which packages may be fetched that say to be there: http or https, without credentials, made to end in `/`. */
export function parseXmlBase(text: string): Parsed<string> {
  const url = parseHttpUrl(text)
  if (url === null) return { expected: XML_BASE }
  if (/[?#]/.test(text)) return { expected: `${XML_BASE} without query and fragment` }
  if (url.username !== '' || url.password !== '') return { expected: `${XML_BASE} without credentials` }
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return { value: url.href }
}

/** Where a key is: the URL that clients fetch it from, or the absolute path of a file of ours. */
export type KeyLocation = { readonly url: string } | { readonly file: string }

/**
 * Reads the URL of a key: http or https, in which yum's variables are left for clients to put in, or file.
 *
 * @param base URL of the configuration file, to which `file:keys/epel` is relative
 */
export function parseKeyUrl(text: string, base: URL): Parsed<KeyLocation> {
  if (/^file:(?!$)/i.test(text) && !UNSAFE.test(text)) {
    const url = URL.parse(text, base.href)
    if (url === null || /[?#]/.test(text) || !isLocalPath(url))
      return { expected: 'a file URL without host: file:///path or file:path' }
    return { value: { file: fileURLToPath(url) } }
  }
  const url = parseHttpUrl(text)
  if (url === null) return { expected: KEY }
  if (url.hash !== '') return { expected: `${KEY}, without a fragment` }
  // It is published to every client.
  if (url.username !== '' || url.password !== '') return { expected: `${KEY}, without credentials` }
  return { value: { url: url.href } }
}

/** Reads a proxy's URL, credentials allowed; null is yum's and dnf's way to say none. */
export function parseProxy(text: string): Parsed<string | null> {
  if (/^(?:_none_|none)?$/i.test(text)) return { value: null }
  const url = /^socks5h?:\/\/[^/]/i.test(text) && !UNSAFE.test(text) ? URL.parse(text) : parseHttpUrl(text)
  if (url === null || url.hostname === '') return { expected: PROXY }
  return /^\/?$/.test(url.pathname) && !/[?#]/.test(text)
    ? { value: url.href }
    : { expected: `${PROXY}, without a path` }
}

/** Reads the URL clients know us by; its trailing slashes are dropped. */
export function parsePublicUrl(text: string): Parsed<string> {
  const url = parseHttpUrl(text)
  if (url === null) return { expected: PUBLIC_URL }
  if (/[?#]/.test(text)) return { expected: `${PUBLIC_URL}, without query and fragment` }
  // It is published to every client.
  if (url.username !== '' || url.password !== '') return { expected: `${PUBLIC_URL}, without credentials` }
  return { value: url.href.replace(/\/+$/, '') }
}

/** A URL fit to be printed: credentials become `***`, as does what may be a secret in its query. */
export function maskUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null || (url.username === '' && url.password === '')) return maskQuery(text)
  url.username = '***'
  url.password = ''
  return maskQuery(url.href)
}

/** Whether variables are left that nobody has said anything of. */
function hasVariables(text: string): boolean {
  return /\$\{?[a-z]/i.test(text)
}

/** Stricter than WHATWG, which reads `http:host`, `http:///host` and `http:\\host` as `http://host`. */
function parseHttpUrl(text: string): URL | null {
  return /^https?:\/\/[^/]/i.test(text) && !UNSAFE.test(text) ? URL.parse(text) : null
}

function isLocalPath(url: URL): boolean {
  try {
    fileURLToPath(url)
    return true
  } catch {
    // Another machine's file, or `%2F` within a name.
    return false
  }
}

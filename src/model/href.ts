/** Segments of common characters that begin with no dot, one slash between them: what nearly every href is already. */
const NORMAL = /^[\w+~^%@,=-][\w+~^%@,=.-]*(?:\/[\w+~^%@,=-][\w+~^%@,=.-]*)*$/

/** No request could name a longer one, and no file system hold it. */
const MAX_HREF_LENGTH = 4_096

/**
 * A location href of repomd.xml or primary.xml in the one form under which pinyon stores and looks it up: slashes merged, `.`
 * segments removed, nothing percent-decoded. Undefined when it is empty, absolute, leaves the repository (`..`), is longer than
 * 4096 characters, or holds a control character: no path below a snapshot can name such a file.
 */
export function normalizeHref(href: string): string | undefined {
  if (href.length > MAX_HREF_LENGTH) return undefined
  if (NORMAL.test(href)) return href
  // oxlint-disable-next-line no-control-regex -- refusing control characters is the point
  if (/[\u0000-\u001f\u007f\\]/.test(href) || /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\//.test(href)) return undefined
  if (href.startsWith('/')) return undefined
  const segments = href.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (segments.length === 0 || segments.includes('..')) return undefined
  return segments.join('/')
}

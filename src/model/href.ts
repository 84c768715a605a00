/** Segments of common characters that begin with no dot, one slash between them: what nearly every href is already. */
const NORMAL = /^[\w+~^%@,=-][\w+~^%@,=.-]*(?:\/[\w+~^%@,=-][\w+~^%@,=.-]*)*$/

/**
 * A location href of repomd.xml or primary.xml in the one form under which pinyon stores and looks it up: slashes merged, `.`
 * segments removed, nothing percent-decoded. Undefined when it is empty, absolute, leaves the repository (`..`), or holds a
 * control character: no path below a snapshot can name such a file.
 */
export function normalizeHref(href: string): string | undefined {
  if (NORMAL.test(href)) return href
  // oxlint-disable-next-line no-control-regex -- refusing control characters is the point
  if (/[\u0000-\u001f\u007f\\]/.test(href) || /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\//.test(href)) return undefined
  if (href.startsWith('/')) return undefined
  const segments = href.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (segments.length === 0 || segments.includes('..')) return undefined
  return segments.join('/')
}

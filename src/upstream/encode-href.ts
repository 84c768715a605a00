/**
 * An href as a URL path. Hrefs are taken literally, a `%` included, as dnf does; what may not stand in a URL is percent-encoded, and
 * `+`, which some servers take for a space, as well. `~` and `^`-like characters follow RFC 3986.
 */
export function encodeHref(href: string): string {
  return href.split('/').map(encodeSegment).join('/')
}

function encodeSegment(segment: string): string {
  // A character reference of XML can make half a surrogate pair, which encodeURIComponent throws at.
  return encodeURIComponent(segment.toWellFormed()).replace(/%(3A|40|2C|3D|3B|24|26)/g, (escaped) =>
    decodeURIComponent(escaped),
  )
}

/**
 * Parameters by which lists of mirrors and servers of keys are told what is wanted. Any other may be a token, whatever its name: what is open is
 * listed here, not what is secret.
 */
const OPEN = new Set(
  'arch basearch cc content country infra op protocol redirect release releasever repo search variant version'.split(
    ' ',
  ),
)
/** What such a parameter may hold, yum's variables included; nothing that has a further parameter in it. */
const OPEN_VALUE = /^[\w.,+~$-]*$/

/** A URL with `***` for each value of its query that may be a secret. Needs not be well-formed; what has no query is given back as it is. */
export function maskQuery(url: string): string {
  const start = url.indexOf('?') + 1
  if (start === 0) return url
  const end = url.indexOf('#', start)
  const query = end < 0 ? url.slice(start) : url.slice(start, end)
  // Some servers take a semicolon for an ampersand.
  const masked = query.replace(/[^&;]+/g, maskParameter)
  return `${url.slice(0, start)}${masked}${end < 0 ? '' : url.slice(end)}`
}

function maskParameter(text: string): string {
  const at = text.indexOf('=')
  if (at < 0) return '***'
  const name = text.slice(0, at)
  return OPEN.has(name) && OPEN_VALUE.test(text.slice(at + 1)) ? text : `${name}=***`
}

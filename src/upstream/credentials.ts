/** A URL that can be shown to anybody, and what it leaves out. */
export interface OpenUrl {
  /** Without user and password. */
  readonly url: string
  /** Value of an Authorization or Proxy-Authorization header (RFC 7617); absent when the URL held no credentials. */
  readonly authorization?: string
}

/** Takes user and password out of an http or https URL. What is no URL is given back as it is. */
export function splitCredentials(text: string): OpenUrl {
  const url = URL.parse(text)
  if (url === null || (url.username === '' && url.password === '')) return { url: text }
  const pair = `${decodeOnce(url.username)}:${decodeOnce(url.password)}`
  url.username = ''
  url.password = ''
  return { url: url.href, authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** A password may hold a bare `%`. */
function decodeOnce(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

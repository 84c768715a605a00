import type { Login } from '../model/identity.ts'
import { maskQuery } from '../model/shown-url.ts'

/** A URL without user and password, and what it leaves out. */
export interface OpenUrl {
  /** As it is asked for. Its query may hold a secret. */
  readonly url: string
  /** As it can be shown to anybody. */
  readonly shown: string
  /** Value of an Authorization or Proxy-Authorization header (RFC 7617); absent when the URL held no credentials. */
  readonly authorization?: string
}

/** The user and password of a URL; undefined when it has none. */
export function splitLogin(text: string): Login | undefined {
  const url = URL.parse(text)
  if (url === null || (url.username === '' && url.password === '')) return undefined
  return { username: decodeOnce(url.username), password: decodeOnce(url.password) }
}

/** Takes user and password out of a URL. What is no URL is given back as it is. */
export function splitCredentials(text: string): OpenUrl {
  // Most have none, and it is looked for each package.
  if (!text.includes('@')) return { url: text, shown: maskQuery(text) }
  const url = URL.parse(text)
  const login = splitLogin(text)
  if (url === null || login === undefined) return { url: text, shown: maskQuery(text) }
  url.username = ''
  url.password = ''
  return { url: url.href, shown: maskQuery(url.href), authorization: toBasic(login) }
}

/** The value of an Authorization or Proxy-Authorization header (RFC 7617). */
export function toBasic({ username, password }: Login): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/** A password may hold a bare `%`. */
function decodeOnce(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

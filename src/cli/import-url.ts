import { pathToFileURL } from 'node:url'

import { escapeEnvironment } from '../config/environment.ts'
import { maskUrl, parseBaseurl, parseListUrl, parseProxy } from '../config/urls.ts'
import { maskQuery } from '../model/shown-url.ts'
import { findVariables } from '../model/yum-variables.ts'
import type { Credentials, SecretVariables } from './import-secrets.ts'

/** A URL as it is to stand in pinyon's configuration. */
export interface ImportedUrl {
  /** Without credentials: `${NAME:-}` stands for each. */
  readonly text: string
  /** The environment variables in it. */
  readonly secrets: readonly string[]
  /** Where its credentials are from: itself, or keys beside it. */
  readonly source?: 'url' | 'keys'
  /** Why it cannot be used as it is. */
  readonly refusal?: string
}

/** scheme, credentials (all before the last `@` of the authority), the rest */
const HTTP_URL = /^(https?:\/\/)(?:([^/?#]*)@)?(.*)$/is
const PROXY_URL = /^((?:https?|socks5h?):\/\/)(?:([^/?#]*)@)?(.*)$/is

/** What yum and zypper know of and we do not; anything else before a colon may as well be a user's name. */
const OTHER_SCHEME = /^(cd|cifs|dir|dvd|ftp|hd|iso|media|nfs|plugin|rsync|s3|sftp|smb|tftp):/i

/** Schemes whose credentials a URL parser knows how to find. */
const PLAIN_URL = /^(?:https?|ftp|rsync):\/\/[^/]|^file:\/\//i
/** What nobody writes into a list's URL but for a secret: such a URL is not taken over as it is. */
const SECRET_PARAMETER = /[?&][^=&#?]{0,40}(?:token|key|secret|pass|auth|sig|user)[^=&#?]{0,40}=/i

/** Anything that relative `file:` URLs, which only mean something beside pinyon's file, are refused against. */
const ROOT = new URL('file:///')

/**
 * Judges a baseurl, variables expanded as far as they are known.
 *
 * @param credentials those of `username=` and `password=`; what is in the URL itself comes first
 */
export function importBaseurl(
  written: string,
  owner: string,
  credentials: Credentials | undefined,
  secrets: SecretVariables,
): ImportedUrl {
  const text = /^\/(?!\/)/.test(written) && !written.includes('$') ? pathToFileURL(written).href : written
  const [, scheme, userinfo, rest = ''] = HTTP_URL.exec(text) ?? []
  const refusal = refuseBaseurl(scheme === undefined ? text : scheme + rest)
  const refused = refusal === undefined ? {} : { refusal }
  if (scheme === undefined) return { text: escapeEnvironment(maskText(text)), secrets: [], ...refused }
  const own = splitUserinfo(owner, userinfo)
  const source = own !== undefined ? 'url' : credentials !== undefined ? 'keys' : undefined
  const reference = referTo(own ?? credentials, '', secrets)
  const shown = refusal === undefined ? rest : maskText(scheme + rest).slice(scheme.length)
  return {
    text: scheme + reference.text + escapeEnvironment(shown),
    secrets: reference.names,
    ...(source === undefined ? {} : { source }),
    ...refused,
  }
}

/** Judges the URL of a list of mirrors, variables expanded as far as they are known. */
export function importListUrl(written: string, owner: string, secrets: SecretVariables): ImportedUrl {
  const text = /^\/(?!\/)/.test(written) && !written.includes('$') ? pathToFileURL(written).href : written
  const [, scheme, userinfo, rest = ''] = HTTP_URL.exec(text) ?? []
  const refusal = refuseListUrl(scheme === undefined ? text : scheme + rest)
  if (refusal !== undefined || scheme === undefined)
    return { text: escapeEnvironment(text), secrets: [], ...(refusal === undefined ? {} : { refusal }) }
  const reference = referTo(splitUserinfo(owner, userinfo), '', secrets)
  return { text: scheme + reference.text + escapeEnvironment(rest), secrets: reference.names, source: 'url' }
}

/** Judges a proxy; undefined is none. */
export function importProxy(
  written: string,
  owner: string,
  credentials: Credentials | undefined,
  secrets: SecretVariables,
): ImportedUrl | undefined {
  const none = parseProxy(written)
  if ('value' in none && none.value === null) return undefined
  // What curl takes for http.
  const text = /^[\w.-]+:\d+$/.test(written) ? `http://${written}` : written
  const [, scheme = '', userinfo, rest = ''] = PROXY_URL.exec(text) ?? []
  const parsed = parseProxy(scheme + rest)
  const refusal = refuseVariables(scheme + rest)
  if (refusal !== undefined) return { text: '', secrets: [], refusal }
  if (scheme === '' || 'expected' in parsed)
    return { text: '', secrets: [], refusal: 'pinyon takes proxies such as http://proxy.example.org:3128' }
  const reference = referTo(splitUserinfo(owner, userinfo) ?? credentials, 'PROXY_', secrets)
  return { text: scheme + reference.text + escapeEnvironment(rest), secrets: reference.names }
}

/** A URL for a comment: credentials, what may be some, and what may be a secret in its query are `***`. */
export function maskText(text: string): string {
  const masked = isClear(text) ? maskUrl(text) : text.replace(/^((?:https?|ftp|rsync):\/\/)?.*@/is, '$1***@')
  return maskQuery(masked)
}

/** What to do about variables that are not known: `$releasever is not known: pass --releasever`. */
export function describeVariables(names: readonly string[]): string {
  const options = names.map((name) =>
    /^(?:releasever|basearch)$/.test(name) ? `--${name}` : `--var ${name}=…`,
  )
  const words = names.map((name) => `$${name}`).join(', ')
  return `${words} ${names.length === 1 ? 'is' : 'are'} not known: pass ${options.join(' ')}`
}

function refuseBaseurl(text: string): string | undefined {
  const [, scheme] = OTHER_SCHEME.exec(text) ?? []
  if (scheme !== undefined) return `pinyon fetches from http, https and file URLs, not ${scheme}`
  const variables = refuseVariables(text)
  if (variables !== undefined) return variables
  if (/^file:(?!\/)/i.test(text)) return 'it is relative to no directory'
  const parsed = parseBaseurl(text, ROOT)
  return 'expected' in parsed ? `pinyon takes ${parsed.expected}` : undefined
}

function refuseListUrl(text: string): string | undefined {
  const [, scheme] = OTHER_SCHEME.exec(text) ?? []
  if (scheme !== undefined) return `pinyon fetches from http, https and file URLs, not ${scheme}`
  if (text.includes('@') || SECRET_PARAMETER.test(text))
    return 'it may hold a secret; write it with ${VARIABLE} in its place'
  const variables = findVariables(text)
  if (variables.length > 0) return describeVariables(variables)
  if (/^file:(?!\/)/i.test(text)) return 'it is relative to no directory'
  const parsed = parseListUrl(text, ROOT)
  return 'expected' in parsed ? `pinyon takes ${parsed.expected}` : undefined
}

function refuseVariables(text: string): string | undefined {
  const names = findVariables(text)
  // Else what looks like a variable may be a part of a password.
  return names.length > 0 && (isClear(text) || !text.includes('@')) ? describeVariables(names) : undefined
}

/** Whether it is certain where its credentials end: a `#` or `?` in a password is taken for the end of the host. */
function isClear(text: string): boolean {
  return PLAIN_URL.test(text) && URL.canParse(text) && !/[?#].*@/s.test(text)
}

function splitUserinfo(owner: string, userinfo: string | undefined): Credentials | undefined {
  if (userinfo === undefined || userinfo === '') return undefined
  const colon = userinfo.indexOf(':')
  if (colon < 0) return { owner, username: userinfo, password: '' }
  return { owner, username: userinfo.slice(0, colon), password: userinfo.slice(colon + 1) }
}

function referTo(
  credentials: Credentials | undefined,
  prefix: '' | 'PROXY_',
  secrets: SecretVariables,
): { readonly text: string; readonly names: readonly string[] } {
  if (credentials === undefined) return { text: '', names: [] }
  const { owner, username, password } = credentials
  const names: string[] = []
  const refer = (use: 'USERNAME' | 'PASSWORD', secret: string) => {
    if (secret === '') return ''
    const name = secrets.nameOf(owner, `${prefix}${use}`, secret)
    names.push(name)
    return `\${${name}:-}`
  }
  const user = refer('USERNAME', username)
  const word = refer('PASSWORD', password)
  if (names.length === 0) return { text: '', names }
  return { text: `${user}${word === '' ? '' : `:${word}`}@`, names }
}

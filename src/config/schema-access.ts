import { dirname } from 'node:path'

import type { Secret } from './access.ts'
import { parseRate, parseThrottle } from './rate.ts'
import { parseBoolean, parseCount, parsePath, parseText, value } from './schema-value.ts'
import type { Parsed } from './urls.ts'

const PARALLEL_DOWNLOADS_MAX = 1000

/** What stands for absent keys, as one would write it; yum's own values. */
export const ACCESS_DEFAULTS = {
  sslverify: true,
  proxy_sslverify: true,
  minrate: 1000,
  throttle: 0,
  bandwidth: 0,
} as const

/** Keys whose values are read as text whatever they look like, and of which nothing is ever shown. */
export const SECRET_KEYS: ReadonlySet<PropertyKey> = new Set(['password', 'bearer_token', 'proxy_password'])
/** As those, but no secrets. */
export const TEXT_KEYS: ReadonlySet<PropertyKey> = new Set([...SECRET_KEYS, 'username', 'proxy_username'])

const PEM_FILE = 'the path of a PEM file'
const SECRET = '${VARIABLE} of the environment, text in quotes, or { file: PATH }'
const USERNAME = 'a user name without colon, in quotes where it is a number'

/** The keys by which a mirror makes itself known upstream. @param file absolute path of the configuration file */
export function accessShape(file: string) {
  const path = () => value((input) => parsePath(input, dirname(file), PEM_FILE)).optional()
  const secret = () => value((input) => parseSecret(input, dirname(file))).optional()
  return {
    sslverify: value(parseBoolean).prefault(ACCESS_DEFAULTS.sslverify),
    sslcacert: path(),
    sslclientcert: path(),
    sslclientkey: path(),
    username: USERNAME_VALUE,
    password: secret(),
    bearer_token: secret(),
    proxy_username: USERNAME_VALUE,
    proxy_password: secret(),
    proxy_sslverify: value(parseBoolean).prefault(ACCESS_DEFAULTS.proxy_sslverify),
    proxy_sslcacert: path(),
    proxy_sslclientcert: path(),
    proxy_sslclientkey: path(),
  }
}

/** The keys that bound how fast and by how many transfers something is fetched. */
export function paceShape() {
  return {
    minrate: value(parseRate).optional(),
    throttle: value(parseThrottle).optional(),
    bandwidth: value(parseRate).optional(),
    max_parallel_downloads: value((input) => parseCount(input, 1, PARALLEL_DOWNLOADS_MAX)).optional(),
  }
}

const USERNAME_VALUE = value((input) => parseText(input, USERNAME, parseUsername)).optional()

function parseUsername(text: string): Parsed<string> {
  // oxlint-disable-next-line no-control-regex -- refusing control characters is the point
  return /^[^\u0000-\u001f\u007f:]+$/.test(text) ? { value: text } : { expected: USERNAME }
}

/** Never says what it was given: a mistake made with a secret leaves it a secret. */
function parseSecret(input: unknown, base: string): Parsed<Secret> {
  if (typeof input === 'string')
    return input === '' ? { expected: `${SECRET}, not empty` } : { value: { text: input } }
  if (typeof input !== 'object' || input === null) return { expected: SECRET }
  const entries = Object.entries(input)
  if (entries.length !== 1 || entries[0]?.[0] !== 'file') return { expected: SECRET }
  const path = parsePath(entries[0][1], base, SECRET)
  return 'value' in path ? { value: { file: path.value } } : path
}

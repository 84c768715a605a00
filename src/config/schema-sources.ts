import { pathToFileURL } from 'node:url'
import * as z from 'zod'
import { parseDuration } from '../model/duration.ts'
import { archesSchema } from './arches.ts'
import { parseText, value } from './schema-value.ts'
import { parseListUrl, type Parsed } from './urls.ts'

/** What stands for absent keys, as one would write it: yum's own value, and what dnf does. */
export const SOURCES_DEFAULTS = { failovermethod: 'priority', mirrorlist_expire: '1d' } as const

const EXPIRE_MIN_MS = 1000
const EXPIRE_MAX_MS = 366 * 86_400_000
const LIST_URL = 'an http, https or file URL of a list of mirrors'
const EXPIRE = 'a duration such as 12h or 1d'
const FAILOVERMETHOD = 'priority or roundrobin'
const VARIABLE = "a variable's value: text, in quotes where it is a number with a point"

/** The keys that name a mirror's sources, but for `baseurl`. @param file absolute path of the configuration file */
export function sourcesShape(file: string) {
  const list = () =>
    value((input) => parseText(input, LIST_URL, (text) => parseListUrl(text, pathToFileURL(file))))
  return {
    metalink: list().optional(),
    mirrorlist: list().optional(),
    mirrorlist_expire: value(parseExpire).prefault(SOURCES_DEFAULTS.mirrorlist_expire),
    failovermethod: value(parseFailovermethod).prefault(SOURCES_DEFAULTS.failovermethod),
    vars: varsSchema(),
    arches: archesSchema().optional(),
  }
}

/** What yum's variables stand for, by name. */
export function varsSchema() {
  const name = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'a name of letters, digits and _' })
  return z.preprocess(
    (input) => input ?? {},
    z.record(name, value(parseVariable), { error: 'a mapping of variables such as releasever' }),
  )
}

/** A whole number is as good as text; one with a point would lose zeros: `9.10`. */
function parseVariable(input: unknown): Parsed<string> {
  if (typeof input === 'number' && Number.isSafeInteger(input)) return { value: String(input) }
  // oxlint-disable-next-line no-control-regex -- refusing control characters is the point
  const isText = typeof input === 'string' && !/[\u0000-\u0020\u007f]/.test(input)
  return isText ? { value: input } : { expected: VARIABLE }
}

/** yum counts seconds and gives no unit; so may we. */
function parseExpire(input: unknown): Parsed<number> {
  const expireMs = typeof input === 'number' ? Math.round(input * 1000) : parseDuration(String(input))
  if (expireMs === undefined || Number.isNaN(expireMs)) return { expected: EXPIRE }
  const isAllowed = expireMs >= EXPIRE_MIN_MS && expireMs <= EXPIRE_MAX_MS
  return isAllowed ? { value: expireMs } : { expected: 'a duration from 1s to 366d' }
}

function parseFailovermethod(input: unknown): Parsed<'priority' | 'roundrobin'> {
  return input === 'priority' || input === 'roundrobin' ? { value: input } : { expected: FAILOVERMETHOD }
}

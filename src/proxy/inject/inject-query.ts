import { PinyonError } from '../../model/errors.ts'
import { isViewName } from '../../model/view-name.ts'
import type { ConfigFormat, InjectOptions, ProxyRule } from '../../inject/injection.ts'
import { parseTtl, refuseViewName } from '../views.ts'

/** What the answer is: the configuration, a line for each section, a unified diff, or dnf's arguments for a `.repos` list. */
const INJECT_OUTPUTS = ['text', 'report', 'diff', 'repofrompath'] as const
export type InjectOutput = (typeof INJECT_OUTPUTS)[number]

/** Which index to inject. */
export type InjectIndex =
  | { readonly kind: 'current' }
  | { readonly kind: 'generation'; readonly text: string }
  /** `ttlMs` as the view's own URL takes it. */
  | { readonly kind: 'view'; readonly name: string; readonly ttlMs: number | undefined }

/** How to inject into a configuration, whatever it says. */
export interface InjectSettings {
  /** `auto`: by the file's name and what is in it. */
  readonly format: 'auto' | ConfigFormat
  /** The file's name, perhaps with its path; empty when nobody said. */
  readonly name: string
  readonly output: InjectOutput
  /** Whether an enabled section that finds no mirror is a failure. */
  readonly strict: boolean
  readonly options: InjectOptions
}

/** What `POST /repos/inject` is asked for. */
export interface InjectQuery {
  readonly index: InjectIndex
  readonly settings: InjectSettings
}

/** The longest name of a file, in UTF-16 units: a path of Linux. */
const NAME_MAX_LENGTH = 4_096
const PROXY_RULES = ['auto', 'keep', '_none_', 'None'] as const satisfies readonly ProxyRule[]
const FORMATS = ['auto', 'yum', 'repos', 'mock'] as const satisfies readonly ('auto' | ConfigFormat)[]
/** yum's variables that a client may put in. */
const VARIABLES = ['releasever', 'basearch', 'arch'] as const
const SETTINGS = ['strict', 'proxy', 'only_mirrored', 'pinned', 'format', 'name', 'output'] as const
const KEYS: readonly string[] = ['view', 'ttl', 'generation', ...SETTINGS, ...VARIABLES]

/**
 * Reads the query of `POST /repos/inject`, each parameter at most once.
 * @throws PinyonError PATH_REFUSED naming the parameter, what was expected and what was found
 */
export function parseInjectQuery(query: URLSearchParams): InjectQuery {
  for (const key of query.keys()) {
    if (!KEYS.includes(key))
      throw refuse(`an unknown parameter: ${show(key)}; expected one of ${KEYS.join(', ')}`)
    if (query.getAll(key).length > 1) throw refuse(`${key}: expected once, found: more than one`)
  }
  const index = parseIndex(query)
  const output = readWord(query, 'output', INJECT_OUTPUTS) ?? 'text'
  const format = readWord(query, 'format', FORMATS) ?? 'auto'
  const settings = { format, name: readName(query), output, strict: readFlag(query, 'strict') }
  const options: InjectOptions = {
    proxy: readWord(query, 'proxy', PROXY_RULES) ?? 'auto',
    keepPinned: readWord(query, 'pinned', ['keep']) !== undefined,
    onlyMirrored: readFlag(query, 'only_mirrored'),
    variables: readVariables(query),
    reposOutput: output === 'repofrompath' ? 'repofrompath' : 'repo',
  }
  return { index, settings: { ...settings, options } }
}

function parseIndex(query: URLSearchParams): InjectIndex {
  const name = query.get('view') ?? undefined
  const text = query.get('generation') ?? undefined
  if (name !== undefined && text !== undefined)
    throw refuse('view and generation: expected one of them, found: both')
  if (name === undefined && query.has('ttl')) throw refuse('ttl: expected with a view, found: none')
  if (name === undefined) return text === undefined ? { kind: 'current' } : { kind: 'generation', text }
  if (!isViewName(name)) throw refuseViewName(name)
  return { kind: 'view', name, ttlMs: parseTtl(query) }
}

function readVariables(query: URLSearchParams): ReadonlyMap<string, string> {
  const variables = new Map<string, string>()
  for (const key of VARIABLES) {
    const value = query.get(key)
    if (value === null) continue
    if (!/^[A-Za-z0-9._+~-]{1,64}$/.test(value))
      throw refuse(`${key}: expected up to 64 letters, digits and . _ + ~ -, found: ${show(value)}`)
    variables.set(key, value)
  }
  return variables
}

/** It comes back in a diff and is looked at for its ending: anything that a path can be, on one line. */
function readName(query: URLSearchParams): string {
  const name = query.get('name') ?? ''
  if (name.length <= NAME_MAX_LENGTH && !/[\p{Cc}\u2028\u2029]/u.test(name)) return name
  throw refuse(
    `name: expected a file's name, without control characters and no longer than a path, found: ${show(name)}`,
  )
}

function readWord<Word extends string>(
  query: URLSearchParams,
  key: string,
  words: readonly Word[],
): Word | undefined {
  const value = query.get(key)
  if (value === null) return undefined
  const word = words.find((one) => one === value)
  if (word !== undefined) return word
  const expected = words.length === 1 ? words.join('') : `one of ${words.join(', ')}`
  throw refuse(`${key}: expected ${expected}, found: ${show(value)}`)
}

/** `key` and `key=1` are true, `key=0` is false, as in the queries of writes. */
function readFlag(query: URLSearchParams, key: string): boolean {
  const value = query.get(key) ?? '0'
  if (value === '' || value === '1') return true
  if (value === '0') return false
  throw refuse(`${key}: expected 1 or 0, found: ${show(value)}`)
}

function refuse(why: string): PinyonError {
  return new PinyonError('PATH_REFUSED', why)
}

function show(value: string): string {
  return JSON.stringify(value.slice(0, 80).toWellFormed())
}

import { isMapping } from '../model/is-mapping.ts'
import { expandVariables } from '../model/yum-variables.ts'

/** What yum's variables stand for, by name. */
export type Variables = ReadonlyMap<string, string>

/** As CentOS sets it; the rest depends on whom a mirror is for. */
const DEFAULTS = { infra: 'stock' } as const

/** Where a basearch is not the arch that it stands for. */
const ARCHES: Readonly<Record<string, string>> = { i386: 'i686', armhfp: 'armv7hl' }

/** Keys of a mirror in whose values variables are replaced. */
const EXPANDED: ReadonlySet<string> = new Set(['baseurl', 'metalink', 'mirrorlist', 'fallback', 'gpgkey'])

/** The variables of a mirror: its own before those of all, `$arch` by `$basearch` unless told. */
export function joinVariables(
  all: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
): Variables {
  const joined: Record<string, string> = { ...DEFAULTS, ...all, ...own }
  const { basearch } = joined
  const arch = basearch === undefined ? {} : { arch: archOf(basearch) }
  return new Map(Object.entries({ ...arch, ...joined }))
}

/** What `$arch` is for a `$basearch`, unless told. */
export function archOf(basearch: string): string {
  return ARCHES[basearch] ?? basearch
}

/** Of a mirror's variables, those that have to be written to have them all. */
export function writtenVariables(variables: Variables): Readonly<Record<string, string>> {
  const basearch = variables.get('basearch')
  const implied = joinVariables({}, basearch === undefined ? {} : { basearch })
  return Object.fromEntries(
    [...variables].filter(([name, text]) => name === 'basearch' || implied.get(name) !== text),
  )
}

/**
 * The same configuration with the variables in its mirrors' URLs replaced, as far as they are known. What is wrong with it stays.
 * @param archWords what stands for the architecture of a mirror that has several
 */
export function expandConfiguration(
  configuration: unknown,
  archWords: Readonly<Record<string, string>>,
): unknown {
  if (!isMapping(configuration) || !isMapping(configuration['mirrors'])) return configuration
  const all = readVariables(configuration['vars'])
  const mirrors = Object.entries(configuration['mirrors']).map(([name, mirror]) => {
    if (!isMapping(mirror)) return [name, mirror]
    const own = readVariables(mirror['vars'])
    const variables =
      mirror['arches'] === undefined
        ? joinVariables(all, own)
        : joinVariables({ ...all, ...archWords }, { ...own, ...archWords })
    const entries = Object.entries(mirror).map(([key, one]) => [
      key,
      EXPANDED.has(key) ? expandValue(one, variables) : one,
    ])
    return [name, Object.fromEntries(entries)]
  })
  return { ...configuration, mirrors: Object.fromEntries(mirrors) }
}

function expandValue(value: unknown, variables: Variables): unknown {
  if (Array.isArray(value))
    return value.map((one) => (typeof one === 'string' ? expandVariables(one, variables) : one))
  return typeof value === 'string' ? expandVariables(value, variables) : value
}

/** Those that are well; the others are refused where they stand. */
function readVariables(value: unknown): Readonly<Record<string, string>> {
  const entries = isMapping(value) ? Object.entries(value) : []
  return Object.fromEntries(
    entries.flatMap(([name, one]) =>
      typeof one === 'string' || Number.isSafeInteger(one) ? [[name, String(one)]] : [],
    ),
  )
}

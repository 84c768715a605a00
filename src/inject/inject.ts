import { fromByteText, toByteText } from './byte-text.ts'
import type { ConfigFormat, Injection, InjectOptions } from './injection.ts'
import type { MirrorMap } from './mirror-map.ts'
import { injectMock } from './mock-inject.ts'
import { refuseInjection } from './refusal.ts'
import { injectRepos } from './repos-inject.ts'
import { applyEdits } from './text-edit.ts'
import { planYum } from './yum-rule.ts'

export { detectFormat } from './detect-format.ts'
export type { ConfigFormat, InjectedSection, Injection, InjectOptions, ProxyRule } from './injection.ts'

const INJECTORS = { yum: injectYum, repos: injectRepos, mock: injectMock } as const

/** Far more than any package manager's configuration has. */
const BYTES_MAX = 16 * 1024 * 1024

/**
 * Puts an index's mirrors into a package manager's configuration. Takes time and memory in proportion to both; injecting into the result
 * changes nothing.
 *
 * @throws {PinyonError} INJECTION_REFUSED for what the package manager would not read, naming line, expected and found
 */
export function injectConfig(
  bytes: Uint8Array,
  format: ConfigFormat,
  map: MirrorMap,
  options: InjectOptions = {},
): Injection {
  if (bytes.length > BYTES_MAX)
    throw refuseInjection(1, `at most ${BYTES_MAX} bytes`, `${bytes.length} bytes`)
  const text = toByteText(bytes)
  if (/^(?:\u00ff\u00fe|\u00fe\u00ff)/.test(text)) throw refuseInjection(1, 'UTF-8', 'UTF-16')
  const injection = INJECTORS[format](text, map, options)
  const warnings = [...injection.warnings, ...describeElsewhere(injection, map)]
  return { ...injection, warnings, changed: !injection.bytes.equals(bytes) }
}

/** Who relies on what they get here not to move has to know. */
function describeElsewhere(
  { injected }: Omit<Injection, 'changed'>,
  { elsewhere }: MirrorMap,
): Injection['warnings'] {
  return injected
    .filter(({ id }) => elsewhere?.has(id) === true)
    .map(({ id, line }) => ({
      line,
      text: `the signed metadata of ${id} send clients to another server for packages (xml:base), past the mirror`,
    }))
}

function injectYum(text: string, map: MirrorMap, options: InjectOptions): Omit<Injection, 'changed'> {
  const { edits, ...findings } = planYum(text, map, options)
  return { bytes: fromByteText(applyEdits(text, edits)), ...findings }
}

import { detectFormat, injectConfig } from '../../inject/inject.ts'
import type { Injection } from '../../inject/injection.ts'
import { unifiedDiff } from '../../inject/unified-diff.ts'
import { PinyonError } from '../../model/errors.ts'
import type { InjectSettings } from './inject-query.ts'
import { formatInjectionReport } from './injection-report.ts'

/** A configuration to inject into, and with what; it can be sent to a thread. */
export interface InjectionJob {
  readonly bytes: Uint8Array
  /** Section ids and their URLs. */
  readonly mirrors: readonly (readonly [id: string, url: string])[]
  readonly settings: InjectSettings
  /** Ids of those whose signed metadata send clients past this server. */
  readonly elsewhere: readonly string[]
}

/** What became of it. */
export interface InjectionResult {
  readonly body: Uint8Array
  /** Sections. */
  readonly injected: number
  /** Enabled sections that found no mirror. */
  readonly unmatched: number
  /** Of the injected ones, those whose metadata send clients past this server. */
  readonly elsewhere: readonly string[]
}

/** The most sections without a mirror that an error names. */
const NAMED_MAX = 100
/** In a message. */
const SHOWN_MAX = 10
/** Of an id, in UTF-16 units: a line has up to 65,536. */
const ID_MAX = 200

/**
 * Injects, and writes what was asked for.
 * @throws PinyonError INJECTION_REFUSED for a configuration that cannot be read, or when strict and a section found no mirror; PATH_REFUSED
 * for an output that its format does not have
 */
export function runInjection({ bytes, mirrors, settings, elsewhere }: InjectionJob): InjectionResult {
  const { name, output, strict, options } = settings
  const format = settings.format === 'auto' ? detectFormat(name, bytes) : settings.format
  if (output === 'repofrompath' && format !== 'repos')
    throw new PinyonError(
      'PATH_REFUSED',
      `output=repofrompath: expected a .repos list, found format: ${format}`,
    )
  const map = { mirrors: new Map(mirrors), before: new Map(), elsewhere: new Set(elsewhere) }
  const injection = injectConfig(bytes, format, map, options)
  if (strict && injection.unmatched.length > 0) throw refuseUnmatched(injection.unmatched)
  return {
    body: formatOutput(bytes, injection, settings),
    injected: injection.injected.length,
    unmatched: injection.unmatched.length,
    elsewhere: elsewhere.filter((name) => injection.injected.some(({ id }) => id === name)),
  }
}

function formatOutput(
  before: Uint8Array,
  injection: Injection,
  { name, output }: InjectSettings,
): Uint8Array {
  if (output === 'report') return Buffer.from(formatInjectionReport(injection))
  if (output !== 'diff') return injection.bytes
  const shown = name === '' ? 'configuration' : name
  return Buffer.from(unifiedDiff(before, injection.bytes, { from: shown, to: shown }))
}

function refuseUnmatched(unmatched: Injection['unmatched']): PinyonError {
  const named = unmatched
    .slice(0, NAMED_MAX)
    .map(({ id, line }) => ({ id: id.slice(0, ID_MAX).toWellFormed(), line }))
  const shown = named.slice(0, SHOWN_MAX).map(({ id }) => id)
  const more = unmatched.length > shown.length ? ` and ${unmatched.length - shown.length} more` : ''
  return new PinyonError(
    'INJECTION_REFUSED',
    `enabled repositories found no mirror: ${shown.join(', ')}${more}`,
    { unmatched: named },
  )
}

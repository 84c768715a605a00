import type { ConfigFormat, Injection } from '../../inject/injection.ts'
import { toPrintable } from '../table.ts'
import type { Target } from './targets.ts'

/** What became of one file. */
export interface InjectedFile {
  readonly target: Target
  readonly format: ConfigFormat
  readonly injection: Injection
  /** Where the result goes, for people: the file itself but for lists of URLs. */
  readonly destination: string
}

/** What a run came to, beside its files. */
export interface RunFacts {
  /** Whether the files are as told now. */
  readonly isWritten: boolean
  /** Why the index could not be read, where that is not to matter. */
  readonly indexError: string | undefined
  /** Operands that stood for no file. */
  readonly empty: readonly string[]
  /** Files of yum's cache that were removed. */
  readonly forgotten: readonly string[]
}

/** What was injected: a line for each section. */
export function formatInjected(files: readonly InjectedFile[]): string {
  const lines = files.flatMap(({ destination, injection }) =>
    injection.injected.map(({ id, url }) => `${destination}: ${id} -> ${url}`),
  )
  return lines.map((line) => `${toPrintable(line)}\n`).join('')
}

/** What somebody may want to know: repositories without a mirror, and what else is to be said of them. */
export function formatRemarks(files: readonly InjectedFile[]): string {
  const lines = files.flatMap(({ target, injection }) => {
    const unmatched = injection.unmatched.map(({ id, line }) => ({
      line,
      text: `no mirror for the enabled repository ${id}`,
    }))
    return [...unmatched, ...injection.warnings]
      .toSorted((a, b) => a.line - b.line)
      .map(({ line, text }) => `${target.label}:${line}: ${text}`)
  })
  return lines.map((line) => `${toPrintable(line)}\n`).join('')
}

/** The whole run, for scripts. */
export function formatReport(files: readonly InjectedFile[], facts: RunFacts): string {
  const report = {
    written: facts.isWritten,
    index_error: facts.indexError ?? null,
    files: files.map(({ target, format, injection, destination }) => ({
      file: target.label,
      destination,
      format,
      changed: injection.changed,
      injected: injection.injected.map(({ id, url, previous, line }) => ({
        id,
        url,
        previous: previous ?? null,
        line,
      })),
      unmatched: injection.unmatched,
      warnings: injection.warnings,
    })),
    without_files: facts.empty,
    yum_cache_removed: facts.forgotten,
  }
  return `${JSON.stringify(report, undefined, 2)}\n`
}

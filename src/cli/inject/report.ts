import { unifiedDiff } from '../../inject/unified-diff.ts'
import { splitCredentials } from '../../upstream/credentials.ts'
import { formatJson, toPrintable } from '../table.ts'
import type { InjectedFile } from './inject-targets.ts'

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

/** How the outcome is to be shown. */
export interface OutputOptions {
  readonly json?: boolean
  readonly diff?: boolean
  readonly repofrompath?: boolean
}

/** What goes to standard output. */
export function formatOutput(
  files: readonly InjectedFile[],
  facts: RunFacts,
  { json, diff, repofrompath }: OutputOptions,
): string | Uint8Array {
  if (json === true) return formatReport(files, facts)
  if (repofrompath === true || (!facts.isWritten && diff !== true && files.length === 1))
    return Buffer.concat(files.map(({ injection }) => injection.bytes))
  if (diff === true) return files.map(formatDiff).join('')
  if (facts.isWritten) return formatInjected(files)
  return Buffer.concat(
    files.flatMap(({ output, injection }) => [Buffer.from(`==> ${output.label} <==\n`), injection.bytes]),
  )
}

function formatDiff({ injection, output: { label, before } }: InjectedFile): string {
  const from = before === undefined ? '/dev/null' : label
  return unifiedDiff(before ?? new Uint8Array(), injection.bytes, { from, to: label })
}

/** What was injected: a line for each section. */
function formatInjected(files: readonly InjectedFile[]): string {
  const lines = files.flatMap(({ output, injection }) =>
    injection.injected.map(({ id, url }) => `${output.label}: ${id} -> ${splitCredentials(url).url}`),
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
function formatReport(files: readonly InjectedFile[], facts: RunFacts): string {
  const report = {
    written: facts.isWritten,
    index_error: facts.indexError ?? null,
    files: files.map(({ target, format, injection, output }) => ({
      file: target.label,
      destination: output.label,
      format,
      changed: injection.changed,
      injected: injection.injected.map(({ id, url, previous, line }) => ({
        id,
        url: splitCredentials(url).url,
        previous: previous === undefined ? null : splitCredentials(previous).url,
        line,
      })),
      unmatched: injection.unmatched,
      warnings: injection.warnings,
    })),
    without_files: facts.empty,
    yum_cache_removed: facts.forgotten,
  }
  return `${formatJson(report, 2)}\n`
}

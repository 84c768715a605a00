import type {
  AdvisoryView,
  BytesView,
  DiffSummary,
  DiffView,
  MovedView,
  PackageView,
  ReplacedView,
} from '../snapshot/diff/diff-document.ts'
import { formatTable, toPrintable } from './table.ts'

/** Digits of a digest that tell two apart for people. */
const DIGEST_LENGTH = 19

/** A diff for a terminal: the figures, then each list, what can hurt first. */
export function formatDiff(diff: DiffView): string {
  const sections = [
    formatSection('Replaced in place: same name and version, other bytes', diff.replaced, replacedRow),
    formatSection('Downgraded', diff.downgraded, movedRow),
    formatSection('Removed', diff.removed, packageRow),
    formatSection('Upgraded', diff.upgraded, movedRow),
    formatSection('Added', diff.added, packageRow),
    formatSection('New advisories', diff.advisories, advisoryRow),
  ]
  const { mirror, from, to, metadata, advisories_error: error } = diff
  const notes = [
    ...(metadata.length === 0 ? [] : [`\nOther metadata that differ: ${metadata.join(' ')}\n`]),
    ...(error === null ? [] : [`\nNew advisories could not be told: ${error}\n`]),
  ]
  const head = `${mirror}: ${from} -> ${to}\n${formatSummary(diff.summary)}\n`
  return [head, ...sections, ...notes].map(printLines).join('')
}

/** The figures in one line; what is 0 is left out. */
export function formatSummary(summary: DiffSummary): string {
  const { replaced, downgraded, removed, upgraded, added, advisories } = summary
  const figures = [
    [replaced, 'replaced in place'],
    [downgraded, 'downgraded'],
    [removed, 'removed'],
    [upgraded, 'upgraded'],
    [added, 'added'],
    [advisories, advisories === 1 ? 'new advisory' : 'new advisories'],
  ] as const
  const shown = figures.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  return shown.length === 0 ? 'no package differs' : shown.join(' · ')
}

function formatSection<T>(title: string, items: readonly T[], toRow: (item: T) => string[]): string {
  if (items.length === 0) return ''
  const rows = items.map((item) => ['', ...toRow(item)])
  return `\n${title} (${items.length})\n${formatTable(rows)}`
}

function replacedRow({ nevra, arch, arches, from, to }: ReplacedView): string[] {
  return [nevra + describeArches(arch, arches), formatBytesView(from), '->', formatBytesView(to), to.href]
}

function formatBytesView({ digest, size }: BytesView): string {
  return `${digest.slice(0, DIGEST_LENGTH)}… ${size === null ? '' : `(${size} bytes)`}`
}

function movedRow(moved: MovedView): string[] {
  const { name, arch, arches, from, to, also_added: added = [], also_removed: removed = [] } = moved
  const others = [...removed.map((evr) => `${evr} is gone`), ...added.map((evr) => `${evr} is new`)]
  return [
    `${name}.${arch}${describeArches(arch, arches)}`,
    from.evr,
    '->',
    to.evr,
    others.length === 0 ? '' : `(${others.join(', ')})`,
  ]
}

function packageRow({ nevra, arch, arches }: PackageView): string[] {
  return [nevra + describeArches(arch, arches)]
}

/** Where a package is that does not say it itself. */
function describeArches(arch: string, arches: readonly string[] = []): string {
  return arches.every((one) => one === arch) ? '' : ` (${arches.join(', ')})`
}

function advisoryRow({ id, type, severity, title, cves }: AdvisoryView): string[] {
  return [id, [severity, type].filter((word) => word !== null).join(' '), title ?? '', cves.join(' ')]
}

function printLines(text: string): string {
  return text.split('\n').map(toPrintable).join('\n')
}

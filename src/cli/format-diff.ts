import type {
  AdvisoryView,
  BytesView,
  DiffSummary,
  DiffView,
  MovedView,
  PackageView,
  ReplacedView,
} from '../snapshot/diff/diff-document.ts'
import {
  groupMoved,
  groupPackages,
  type MovedGroup,
  type PackageGroup,
  type SourceGroup,
} from '../snapshot/diff/source-groups.ts'
import { formatTable, toPrintable } from './table.ts'

/** Digits of a digest that tell two apart for people. */
const DIGEST_LENGTH = 19

/** A diff for a terminal: the figures, then each list, what can hurt first. */
export function formatDiff(diff: DiffView): string {
  const sections = [
    formatSection('Replaced in place: same name and version, other bytes', diff.replaced, replacedRow),
    formatGroups('Downgraded', groupMoved(diff.downgraded), movedRow, movedGroupRow),
    formatGroups('Removed', groupPackages(diff.removed), packageRow, packageGroupRow),
    formatGroups('Upgraded', groupMoved(diff.upgraded), movedRow, movedGroupRow),
    formatGroups('Added', groupPackages(diff.added), packageRow, packageGroupRow),
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

/** A line for each source package, and for what is by itself. */
function formatGroups<Item, Group extends SourceGroup<Item>>(
  title: string,
  groups: readonly Group[],
  toRow: (item: Item) => string[],
  toGroupRow: (group: Group) => string[],
): string {
  if (groups.length === 0) return ''
  const count = groups.reduce((sum, { members }) => sum + members.length, 0)
  const rows = groups.map((group) => [
    '',
    ...(group.members.length === 1 ? toRow(group.members[0]) : toGroupRow(group)),
  ])
  return `\n${title} (${count})\n${formatTable(rows)}`
}

function movedGroupRow(group: MovedGroup<MovedView>): string[] {
  const others = [...new Set(group.members.flatMap(otherVersions))]
  const row = [group.name, group.from, '->', group.to]
  return [...row, `${others.length === 0 ? '' : `(${others.join(', ')}) `}${formatMembers(group)}`]
}

function packageGroupRow(group: PackageGroup<PackageView>): string[] {
  return [`${group.name}-${group.version}`, formatMembers(group)]
}

/** `3 packages: kernel, kernel-core, perf`: names, as many of them as differ. */
function formatMembers({ members }: SourceGroup<{ readonly name: string }>): string {
  const names = [...new Set(members.map(({ name }) => name))]
  return `${members.length} packages: ${names.join(', ')}`
}

function replacedRow({ nevra, arch, arches, from, to }: ReplacedView): string[] {
  return [nevra + describeArches(arch, arches), formatBytesView(from), '->', formatBytesView(to), to.href]
}

function formatBytesView({ digest, size }: BytesView): string {
  return `${digest.slice(0, DIGEST_LENGTH)}… ${size === null ? '' : `(${size} bytes)`}`
}

function movedRow(moved: MovedView): string[] {
  const { name, arch, arches, from, to } = moved
  const others = otherVersions(moved)
  return [
    `${name}.${arch}${describeArches(arch, arches)}`,
    from.evr,
    '->',
    to.evr,
    others.length === 0 ? '' : `(${others.join(', ')})`,
  ]
}

function otherVersions({ also_added: added = [], also_removed: removed = [] }: MovedView): string[] {
  return [...removed.map((evr) => `${evr} is gone`), ...added.map((evr) => `${evr} is new`)]
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

import type { AdoptReport } from '../snapshot/adopt/adopt-report.ts'
import { formatBytes, toPrintable } from './table.ts'

/** A report and what is to be said of it. */
export interface ReportFacts {
  readonly report: AdoptReport
  /** Whether the configuration has the mirror. */
  readonly configured: boolean
  readonly configFile: string
  /** The snapshot that the configuration pins. */
  readonly pin: string | undefined
  readonly dryRun: boolean
}

/** A report for scripts: `--json`. */
export function toReportView({ report, configured, dryRun }: ReportFacts): Readonly<Record<string, unknown>> {
  const { mirror, adopted, present, refused, packages, wrong, generation, rolledBackTo, notes, error } =
    report
  return {
    mirror,
    dry_run: dryRun,
    configured,
    adopted,
    present,
    refused,
    packages: { ...packages, copiedBytes: undefined, bytes: packages.copiedBytes },
    wrong,
    notes,
    pin: rolledBackTo ?? null,
    generation: generation ?? null,
    error: error?.message ?? null,
  }
}

/** A report for people. */
export function formatReport(facts: ReportFacts): string {
  const lines = [headline(facts), ...details(facts), ...advice(facts)]
  return lines.map((line) => `${line}\n`).join('')
}

function headline({ report, dryRun }: ReportFacts): string {
  const { mirror, adopted, present, refused, error } = report
  const verb = dryRun ? 'would adopt' : 'adopted'
  const [first, last] = [adopted[0], adopted.at(-1)]
  const span = first === last ? (first?.name ?? '') : `${first?.name ?? ''} to ${last?.name ?? ''}`
  const parts = [
    adopted.length === 0 ? 'nothing new' : `${verb} ${count(adopted.length, 'snapshot')}, ${span}`,
  ]
  if (present.length > 0) parts.push(`${count(present.length, 'snapshot')} there already`)
  if (refused.length > 0) parts.push(`${refused.length} refused`)
  if (error !== undefined) parts.push(`failed: ${toPrintable(error.message)}`)
  return `${toPrintable(mirror)}: ${parts.join('; ')}`
}

function details({ report, dryRun }: ReportFacts): string[] {
  const { adopted, refused, packages, wrong } = report
  const { listed, copied, copiedBytes, present, missing } = packages
  const lines: string[] = []
  if (listed > 0) {
    const verb = dryRun ? 'to be copied' : 'copied'
    const parts = [`${copied} ${verb} (${formatBytes(copiedBytes)})`, `${present} there already`]
    parts.push(`${missing} missing in the tree`, `${packages.wrong} wrong`)
    lines.push(`  ${count(listed, 'package')}: ${parts.join(', ')}`)
  }
  for (const { name, reason } of refused) lines.push(`  refused ${name}: ${toPrintable(reason)}`)
  for (const { name, defects } of adopted)
    for (const defect of defects) lines.push(`  defect in ${name}: ${toPrintable(defect)}`)
  for (const reason of wrong) lines.push(`  left out ${toPrintable(reason)}`)
  if (packages.wrong > wrong.length) lines.push(`  left out ${packages.wrong - wrong.length} more`)
  return lines
}

/** What the operator should know, or do, now. */
function advice({ report, configured, configFile, pin, dryRun }: ReportFacts): string[] {
  const { mirror, adopted, present, refused, rolledBackTo, notes } = report
  const lines = notes.map((note) => `  ${toPrintable(note)}`)
  if (adopted.length + present.length === 0) return lines
  if (rolledBackTo !== undefined && rolledBackTo !== pin) {
    const lost = refused.some(({ name }) => name === rolledBackTo)
    lines.push(
      `  latest.txt names ${rolledBackTo}, not the newest: it was rolled back${lost ? ', to what was refused' : ''}.`,
    )
    if (!lost) lines.push(`  To keep it so, in ${configFile}:`, ...entry(mirror, `pin: ${rolledBackTo}`))
  }
  if (!configured) {
    const when = dryRun ? 'once adopted' : 'now'
    lines.push(
      `  ${toPrintable(mirror)} is not in ${configFile}: its snapshots answer, but it is in no index, and`,
    )
    lines.push(`  ${when} it counts as a mirror that went out of the configuration: it is not kept for ever.`)
    lines.push('  To keep it, and to follow upstream, declare it:')
    lines.push(
      '    mirrors:',
      `      ${toPrintable(mirror)}:`,
      "        baseurl: https://…  # its upstream's",
    )
  }
  return lines
}

function entry(mirror: string, line: string): string[] {
  return ['    mirrors:', `      ${toPrintable(mirror)}:`, `        ${line}`]
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

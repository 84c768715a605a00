import { loadConfig } from '../config/load.ts'
import type { BlobSum, GcReport, GcSnapshot } from '../snapshot/gc/gc-report.ts'
import { createLogger } from '../system/logger.ts'
import { EXIT, type CommandLine, type ExitCode, type Options } from './exit.ts'
import { openServer } from './mirror-source.ts'
import { formatBytes, formatTable } from './table.ts'

/** Options of `gc`. */
export interface GcOptions extends Options {
  readonly dryRun?: boolean
}

/** Adds `gc`. */
export function addCollection({ add, onDone }: CommandLine): void {
  add('gc', 'retire snapshots by the rules of retention, and free what is not needed any more')
    .option('--dry-run', 'only print what would go, and why each other snapshot stays')
    .option('--json', 'for scripts')
    .action(async (options: GcOptions) => onDone(await collect(options)))
}

/**
 * Collects by the running server, or here when none runs, and prints what went, or would go; exits 1 when what is stored does not fit
 * `cache.max_size` all the same.
 */
export async function collect(options: GcOptions): Promise<ExitCode> {
  const report = await runCollection(options)
  if (options.json === true) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
  else process.stdout.write(formatReport(report))
  return report.fits ? EXIT.done : EXIT.failed
}

async function runCollection(options: GcOptions): Promise<GcReport> {
  const { dryRun = false } = options
  const server = await openServer(options)
  if (server === undefined) return await collectHere(options.config, dryRun)
  try {
    return await server.write<GcReport>({ method: 'POST', path: 'gc', body: { dry_run: dryRun } })
  } finally {
    await server.close()
  }
}

async function collectHere(configFile: string, dryRun: boolean): Promise<GcReport> {
  // Only here: loading a whole server takes longer than asking one.
  const { App } = await import('../app/app.ts')
  const app = await App.open({ config: loadConfig(configFile, process.env), log: createLogger('warn') })
  try {
    // What is configured decides what is pinned and what is removed.
    await app.applyConfiguration()
    return await app.collector.collect({ dryRun, reconcile: true })
  } finally {
    await app.close()
  }
}

function formatReport({ dryRun, snapshots, blobs, fits }: GcReport): string {
  const going = snapshots.filter(({ goes }) => goes)
  const staying = snapshots.filter(({ goes }) => !goes)
  const would = dryRun ? 'would go' : 'went'
  const lines = [
    `${going.length} of ${snapshots.length} snapshots ${would}.`,
    ...(going.length === 0 ? [] : ['', formatSnapshots(going)]),
    ...(dryRun && staying.length > 0 ? ['', 'These stay:', '', formatSnapshots(staying)] : []),
    '',
    formatTable([
      ['FILES', 'NUMBER', 'SIZE', ''],
      sumRow(`${dryRun ? 'would go' : 'gone'}: unlisted`, blobs.unlisted, 'no snapshot lists them'),
      sumRow(
        `${dryRun ? 'would go' : 'gone'}: evicted`,
        blobs.evicted,
        'the least recently used that can be fetched again',
      ),
      sumRow('stay: repodata', blobs.repodata, 'of snapshots'),
      sumRow('stay: only here', blobs.onlyHere, 'a snapshot lists them, and upstream no longer has them'),
      sumRow('stay: fetchable', blobs.fetchable, 'there is room for them'),
      sumRow(
        'stay: recent',
        blobs.recent,
        'no snapshot lists them; they go some hours after they were last needed',
      ),
    ]).trimEnd(),
    '',
    `${formatBytes(blobs.total.bytes)} of ${formatBytes(blobs.maxBytes)} ${dryRun ? 'would then be' : 'are'} in use.`,
    ...(fits
      ? []
      : [
          'The cache does not fit: what is left may not go. New packages are passed through and not kept; raise cache.max_size.',
        ]),
  ]
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}

function formatSnapshots(snapshots: readonly GcSnapshot[]): string {
  return formatTable(snapshots.map(({ mirror, name, reasons }) => [`  ${mirror}`, name, reasons.join(', ')]))
}

function sumRow(what: string, { count, bytes }: BlobSum, why: string): string[] {
  return [what, String(count), formatBytes(bytes), why]
}

import { loadConfig } from '../config/load.ts'
import { counted } from '../model/count.ts'
import { formatDuration } from '../model/duration.ts'
import type { WallDoubt } from '../model/wall-trust.ts'
import type { BlobSum, GcReport, GcSnapshot } from '../snapshot/gc/gc-report.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { openServer } from './mirror-source.ts'
import { refuseOtherUser } from './refuse-other-user.ts'
import { formatBytes, formatJson, formatTable } from './table.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

/** Options of `gc`. */
export interface GcOptions extends Options {
  readonly dryRun?: boolean
  readonly wait?: boolean
}

/**
 * Collects by the running server, or here when none runs, and prints what went, or would go; exits 1 when what is stored does not fit
 * `cache.max_size` all the same.
 */
export async function collect(options: GcOptions): Promise<ExitCode> {
  const report = await runCollection(options)
  if (options.json === true) process.stdout.write(`${formatJson(report, 2)}\n`)
  else process.stdout.write(formatReport(report))
  return report.fits ? EXIT.done : EXIT.failed
}

async function runCollection(options: GcOptions): Promise<GcReport> {
  const { dryRun = false, wait = false } = options
  const server = await openServer(options)
  if (server === undefined) return await collectHere(options.config, dryRun)
  try {
    const body = { dry_run: dryRun, background: !wait }
    return await server.write<GcReport>({ method: 'POST', path: 'gc', body })
  } finally {
    await server.close()
  }
}

async function collectHere(configFile: string, dryRun: boolean): Promise<GcReport> {
  // Only here: loading a whole server takes longer than asking one.
  const { App } = await import('../app/app.ts')
  const { withListed } = await import('../app/running-config.ts')
  const { createLogger } = await import('../system/logger.ts')
  const config = loadConfig(configFile, process.env)
  if (!dryRun) refuseOtherUser(config.dataDir)
  const app = await App.open({ config, log: createLogger('warn') })
  try {
    // What is configured decides what is pinned and what is removed. A dry run only takes it for being so: it writes nothing.
    if (dryRun) return await withListed(app.config, (mirrors) => app.collector.collect({ dryRun, mirrors }))
    await app.applyConfiguration()
    return await app.collector.collect({ reconcile: true })
  } finally {
    await app.close()
  }
}

/** What a collection did, decided on, or would do, for people. */
export function formatReport({ dryRun, snapshots, blobs, fits, wallDoubt }: GcReport): string {
  const going = snapshots.filter(({ goes }) => goes)
  const staying = snapshots.filter(({ goes }) => !goes)
  const would = dryRun ? 'would go' : 'went'
  const { count: deleting, bytes: deletingBytes } = blobs.deleting
  const went = dryRun ? 'would go' : deleting > 0 ? 'going' : 'gone'
  const lines = [
    ...(wallDoubt === undefined ? [] : [formatDoubt(wallDoubt), '']),
    `${going.length} of ${counted(snapshots.length, 'snapshot')} ${would}.`,
    ...(going.length === 0 ? [] : ['', formatSnapshots(going)]),
    ...(dryRun && staying.length > 0 ? ['', 'These stay:', '', formatSnapshots(staying)] : []),
    '',
    formatTable([
      ['FILES', 'NUMBER', 'SIZE', ''],
      sumRow(`${went}: unlisted`, blobs.unlisted, 'no snapshot lists them'),
      sumRow(`${went}: evicted`, blobs.evicted, 'the least recently used that can be fetched again'),
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
    ...(deleting === 0
      ? []
      : [
          `${counted(deleting, 'file')}, ${formatBytes(deletingBytes)}, are still being deleted in the background; \`gc --wait\` waits for the last.`,
        ]),
    `${formatBytes(blobs.total.bytes)} of ${formatBytes(blobs.maxBytes)} ${useOf(dryRun, deleting)} in use.`,
    ...(fits
      ? []
      : [
          'The cache does not fit: what is left may not go. New packages are passed through and not kept; raise cache.max_size.',
        ]),
  ]
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}

function formatDoubt({ aheadMs, believedInMs }: WallDoubt): string {
  const ahead = formatDuration(Math.floor(aheadMs / HOUR_MS) * HOUR_MS)
  const rest = formatDuration(Math.ceil(believedInMs / MINUTE_MS) * MINUTE_MS)
  return `The system's clock is ${ahead} ahead of the time that passed since the last collection: nothing is retired until it is set right, or ${rest} have passed.`
}

function useOf(dryRun: boolean, deleting: number): string {
  if (dryRun) return 'would then be'
  return deleting > 0 ? 'will then be' : 'are'
}

function formatSnapshots(snapshots: readonly GcSnapshot[]): string {
  return formatTable(snapshots.map(({ mirror, name, reasons }) => [`  ${mirror}`, name, reasons.join(', ')]))
}

function sumRow(what: string, { count, bytes }: BlobSum, why: string): string[] {
  return [what, String(count), formatBytes(bytes), why]
}

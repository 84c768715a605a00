import { counted } from '../model/count.ts'
import type { Rebuilt } from '../app/rebuilder.ts'
import { loadConfig } from '../config/load.ts'
import type { RebuildProgress } from '../snapshot/rebuild/rebuild-report.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { ProgressDisplay } from './progress.ts'
import { refuseOtherUser } from './refuse-other-user.ts'
import { formatBytes, formatJson, toPrintable } from './table.ts'

/** Makes the database anew, and prints what was restored; exits 1 when that is not all that the inventory tells of. */
export async function rebuildDatabase(options: Options & { readonly dryRun?: boolean }): Promise<ExitCode> {
  const { dryRun = false } = options
  const display = new ProgressDisplay(process.stderr)
  const onProgress = ({ mirror, done, total }: RebuildProgress) => {
    const noun = 'snapshots'
    display.show(mirror, { step: 'files', filesDone: done, filesTotal: total, bytes: 0, packages: 0, noun })
    if (done === total) display.end(mirror)
  }
  // Only here: no other command needs it.
  const { rebuild } = await import('../app/rebuilder.ts')
  const config = loadConfig(options.config, process.env)
  if (!dryRun) refuseOtherUser(config.dataDir)
  const signal = new AbortController().signal
  const report = await rebuild({ config, dryRun, now: Date.now, signal, onProgress })
  process.stdout.write(options.json === true ? `${formatJson(report, 2)}\n` : formatReport(report, dryRun))
  return report.ok ? EXIT.done : EXIT.failed
}

function formatReport(report: Rebuilt, dryRun: boolean): string {
  const { mirrors, snapshots, retired, generations, views, blobs, bytes, refetched } = report
  const lines = [
    `${dryRun ? 'There can be restored' : 'Restored'}: ${counted(snapshots, 'snapshot')} of ${counted(mirrors, 'mirror')}, ${counted(retired, 'name')} of retired ones, ${counted(generations, 'generation')}, ${counted(views, 'view')}.`,
    `${counted(blobs, 'file')}, ${formatBytes(bytes)}, are stored; packages were not read: verify does that.`,
    ...(refetched > 0 ? [`${refetched} repodata files were not right and were fetched again.`] : []),
    ...section(
      'Left out, their names stay taken:',
      report.left_out.map(({ mirror, snapshot, reason }) => `${mirror} ${snapshot}: ${reason}`),
    ),
    ...section(
      'Cannot be served until some source has them again:',
      report.broken.map(({ mirror, snapshot, path, reason }) => `${mirror} ${snapshot} ${path}: ${reason}`),
    ),
    ...section('Lines of the inventory that are damaged:', report.damaged),
    ...(report.previous === null ? [] : [`The database that was there is kept: ${report.previous}`]),
    ...(report.inventory === null
      ? []
      : [`The inventory that this is made from is kept: ${report.inventory}`]),
  ]
  return `${lines.join('\n')}\n`
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${toPrintable(line)}`)]
}

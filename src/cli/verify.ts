import { loadConfig } from '../config/load.ts'
import type { VerifyLine } from '../http/send-verify.ts'
import { counted } from '../model/count.ts'
import { PinyonError } from '../model/errors.ts'
import type { VerifyFinding, VerifyProgress, VerifyReport } from '../snapshot/verify/verify-report.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { openServer } from './mirror-source.ts'
import { ProgressDisplay } from './progress.ts'
import { refuseOtherUser } from './refuse-other-user.ts'
import type { ServerConnection } from './server-connection.ts'
import { formatBytes, formatJson, toPrintable } from './table.ts'

/** Options of `verify`. */
export interface VerifyCommandOptions extends Options {
  readonly dryRun?: boolean
  readonly rebuild?: boolean
}

/** Verifies by the running server, or here when none runs; exits 1 when something stays wrong. */
export async function verifyBlobs(options: VerifyCommandOptions): Promise<ExitCode> {
  const display = new ProgressDisplay(process.stderr)
  const show = ({ blobs, blobsTotal, bytes }: VerifyProgress) =>
    display.show('blobs', {
      step: 'files',
      filesDone: blobs,
      filesTotal: Math.max(blobs, blobsTotal),
      bytes,
      packages: 0,
      noun: 'read',
    })
  const server = await openServer(options)
  const report =
    server === undefined ? await verifyHere(options, show) : await verifyThere(server, options, show)
  display.end('blobs')
  process.stdout.write(
    options.json === true ? `${formatJson(report, 2)}\n` : formatReport(report, options.dryRun === true),
  )
  return report.ok ? EXIT.done : EXIT.failed
}

async function verifyThere(
  server: ServerConnection,
  { dryRun = false }: VerifyCommandOptions,
  show: (progress: VerifyProgress) => void,
): Promise<VerifyReport> {
  try {
    for await (const line of server.post<VerifyLine>('/api/v1/verify', { dry_run: dryRun })) {
      if ('result' in line) return line.result
      show(line.progress)
    }
    throw new PinyonError('STORE_FAILED', 'the server went away while it verified')
  } finally {
    await server.close()
  }
}

async function verifyHere(
  { config: file, dryRun = false }: VerifyCommandOptions,
  onProgress: (progress: VerifyProgress) => void,
): Promise<VerifyReport> {
  // Only here: loading a whole server takes longer than asking one.
  const { App } = await import('../app/app.ts')
  const { createLogger } = await import('../system/logger.ts')
  const config = loadConfig(file, process.env)
  if (!dryRun) refuseOtherUser(config.dataDir)
  const app = await App.open({ config, log: createLogger('error') })
  try {
    return await app.verify({ dryRun, onProgress })
  } finally {
    await app.close()
  }
}

function formatReport({ blobs, bytes, findings, ok }: VerifyReport, dryRun: boolean): string {
  const read = `${counted(blobs, 'file')}, ${formatBytes(bytes)}, ${blobs === 1 ? 'was' : 'were'} read`
  if (findings.length === 0) return `${read}: all are right.\n`
  const wrong = `${findings.length} ${findings.length === 1 ? 'was' : 'were'} not right:`
  const end = ok || dryRun ? [] : ['What is broken cannot be served until some source has it again.']
  return `${[`${read}; ${wrong}`, ...findings.map(formatFinding), ...end].join('\n')}\n`
}

const STATES: Readonly<Record<VerifyFinding['state'], string>> = {
  refetched: 'fetched again',
  unlisted: 'no snapshot lists it',
  broken: 'cannot be fetched again',
  found: 'listed',
}

function formatFinding({ digest, reason, quarantined, listed, state, error }: VerifyFinding): string {
  const lines = [
    `  ${digest}`,
    `    ${STATES[state]}${error === null ? '' : `: ${toPrintable(error)}`}`,
    `    ${reason}${quarantined === null ? '' : `; kept as ${quarantined}`}`,
    ...listed.map(
      ({ mirror, snapshot, snapshots, path }) =>
        `    ${mirror}: ${toPrintable(path)}, in ${snapshots === 1 ? snapshot : `${snapshots} snapshots up to ${snapshot}`}`,
    ),
  ]
  return lines.join('\n')
}

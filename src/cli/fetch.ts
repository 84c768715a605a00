import type { FetchLine, FetchSummary } from '../http/send-fetch.ts'
import { summarizeFetch } from '../http/send-fetch.ts'
import { counted } from '../model/count.ts'
import { PinyonError } from '../model/errors.ts'
import type { FetchRequest } from '../snapshot/prefetch/prefetcher.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { openServer } from './mirror-source.ts'
import { ProgressDisplay } from './progress.ts'
import { refuseOtherUser } from './refuse-other-user.ts'
import { formatBytes, formatJson, toPrintable } from './table.ts'

/** Options of `fetch`. */
export interface FetchOptions extends Options {
  readonly atRisk?: boolean
  readonly all?: boolean
}

/** Fetches by the running server or, when none runs, by itself; exits 1 when something could not be had, 3 when there was nothing to do. */
export async function fetchPackages(
  mirror: string,
  specs: readonly string[],
  options: FetchOptions,
): Promise<ExitCode> {
  const which = options.atRisk === true ? 'at_risk' : options.all === true ? 'all' : 'used'
  const display = new ProgressDisplay(process.stderr)
  const show = ({ done, total, bytes }: { done: number; total: number; bytes: number }) =>
    display.show(mirror, {
      step: 'files',
      filesDone: done,
      filesTotal: total,
      bytes,
      packages: 0,
      noun: 'packages',
    })
  const request: FetchRequest = { which, specs }
  const summary = await runFetch(mirror, request, options, show).finally(() => display.end(mirror))
  process.stdout.write(options.json === true ? `${formatJson(summary)}\n` : formatSummary(summary))
  const { total, lost, failed, stopped } = summary
  if (total === 0) return EXIT.nothing
  return lost + failed > 0 || stopped !== null ? EXIT.failed : EXIT.done
}

type Show = (progress: { done: number; total: number; bytes: number }) => void

async function runFetch(
  mirror: string,
  request: FetchRequest,
  options: FetchOptions,
  show: Show,
): Promise<FetchSummary> {
  const server = await openServer(options)
  if (server === undefined) return await fetchHere(mirror, request, options, show)
  try {
    const { which, specs } = request
    const body = {
      ...(which === 'used' ? {} : { which }),
      ...(specs.length === 0 ? {} : { packages: specs }),
    }
    let result: FetchSummary | undefined
    const path = `/api/v1/mirrors/${encodeURIComponent(mirror)}/fetch`
    for await (const line of server.post<FetchLine>(path, body)) {
      if ('result' in line) result = line.result
      else show(line.progress)
    }
    if (result !== undefined) return result
    throw new PinyonError('STORE_FAILED', `the server went away while it fetched packages of: ${mirror}`)
  } finally {
    await server.close()
  }
}

async function fetchHere(
  mirror: string,
  request: FetchRequest,
  { config: file }: FetchOptions,
  show: Show,
): Promise<FetchSummary> {
  // Only here: loading a whole server takes longer than asking one.
  const [{ App }, { fetchPackages: fetchPackagesOf }, { createLogger }, { loadConfig }] = await Promise.all([
    import('../app/app.ts'),
    import('../app/fetch-packages.ts'),
    import('../system/logger.ts'),
    import('../config/load.ts'),
  ])
  const config = loadConfig(file, process.env)
  refuseOtherUser(config.dataDir)
  const app = await App.open({ config, log: createLogger('error') })
  try {
    await app.applyConfiguration()
    return summarizeFetch(mirror, await fetchPackagesOf(app, mirror, request, show))
  } finally {
    await app.close()
  }
}

function formatSummary({
  mirror,
  total,
  fetched,
  bytes,
  lost,
  failed,
  reason,
  stopped,
}: FetchSummary): string {
  if (total === 0) return `${mirror}: nothing to fetch, it is cached already\n`
  const parts = [
    `${fetched} of ${counted(total, 'package')} fetched, ${formatBytes(bytes)}`,
    ...(lost > 0 ? [`${lost} lost: no source has them`] : []),
    ...(failed > 0 ? [`${failed} failed: ${toPrintable(reason ?? '')}`] : []),
    ...(stopped === null ? [] : [`stopped: ${stopped}`]),
  ]
  return `${mirror}: ${parts.join('; ')}\n`
}

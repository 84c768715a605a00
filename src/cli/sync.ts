import { startEarly } from '../app/early-ingest.ts'
import { createLayout } from '../cache/layout.ts'
import type { Config } from '../config/config.ts'
import { LEAVING_IDENTITIES, loadConfig } from '../config/load.ts'
import { summarizeSync, type SyncLine, type SyncSummary } from '../http/send-sync.ts'
import { socketActor } from '../model/actor.ts'
import { counted } from '../model/count.ts'
import { PinyonError } from '../model/errors.ts'
import { noSuchMirror } from '../model/no-such-mirror.ts'
import type { MirrorView } from '../proxy/api-mirrors.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { ProgressDisplay } from './progress.ts'
import { refuseOtherUser } from './refuse-other-user.ts'
import { ServerConnection } from './server-connection.ts'
import { formatJson, toPrintable } from './table.ts'
import { userName } from './user-name.ts'

/** Starts the sync of one mirror and resolves with how it ended. */
type RunSync = (mirror: string, display: ProgressDisplay) => Promise<SyncSummary>

/** Syncs mirrors side by side, by the running server or, when none runs, by itself; exits 1 when one failed. */
export async function syncMirrors(names: readonly string[], options: Options): Promise<ExitCode> {
  if (options.server !== undefined) return await syncElsewhere(options.server, names, options)
  const config = loadConfig(options.config, process.env, LEAVING_IDENTITIES)
  const mirrors = selectMirrors(config, names)
  if (mirrors.length === 0) {
    process.stderr.write(`no mirror is enabled in ${config.file}\n`)
    return EXIT.nothing
  }
  const server = await ServerConnection.open(createLayout(config.dataDir).adminSocket)
  if (server === undefined) return await syncHere(config, mirrors, options)
  try {
    return await syncAll(mirrors, options, (mirror, display) => syncThere(server, mirror, display))
  } finally {
    await server.close()
  }
}

/** Syncs at a server whose configuration is not at hand. */
async function syncElsewhere(url: string, names: readonly string[], options: Options): Promise<ExitCode> {
  const server = await ServerConnection.connect(url)
  try {
    const mirrors = names.length > 0 ? [...new Set(names)] : await readEnabled(server)
    if (mirrors.length === 0) process.stderr.write(`no mirror is enabled at ${url}\n`)
    if (mirrors.length === 0) return EXIT.nothing
    return await syncAll(mirrors, options, (mirror, display) => syncThere(server, mirror, display))
  } finally {
    await server.close()
  }
}

async function readEnabled(server: ServerConnection): Promise<readonly string[]> {
  const { mirrors } = await server.get<{ mirrors: MirrorView[] }>('/api/v1/mirrors')
  return mirrors.filter(({ enabled }) => enabled).map(({ name }) => name)
}

function selectMirrors(config: Config, names: readonly string[]): readonly string[] {
  const unknown = names.find((name) => !config.mirrors.has(name))
  if (unknown !== undefined) throw noSuchMirror(unknown, config.mirrors.keys(), config.file)
  if (names.length > 0) return [...new Set(names)]
  return [...config.mirrors.values()].filter(({ enabled }) => enabled).map(({ name }) => name)
}

async function syncHere(config: Config, mirrors: readonly string[], options: Options): Promise<ExitCode> {
  refuseOtherUser(config.dataDir)
  const early = startEarly(config, mirrors.length)
  // Only here: loading a whole server takes longer than asking one.
  const { App } = await import('../app/app.ts')
  const { createLogger } = await import('../system/logger.ts')
  const app = await App.open({ config, log: createLogger('warn'), early })
  try {
    await app.applyConfiguration()
    return await syncAll(mirrors, options, async (mirror, display) => {
      const stop = app.board.listen(mirror, (progress) => progress && display.show(mirror, progress))
      try {
        return summarizeSync(await app.sync(mirror, socketActor(userName())))
      } finally {
        stop()
      }
    })
  } finally {
    await app.close()
  }
}

async function syncThere(
  server: ServerConnection,
  mirror: string,
  display: ProgressDisplay,
): Promise<SyncSummary> {
  let result: SyncSummary | undefined
  for await (const line of server.post<SyncLine>(`/api/v1/mirrors/${encodeURIComponent(mirror)}/sync`)) {
    if ('result' in line) result = line.result
    else display.show(mirror, line.progress)
  }
  if (result !== undefined) return result
  throw new PinyonError('STORE_FAILED', `the server went away while it synced: ${mirror}`)
}

async function syncAll(mirrors: readonly string[], options: Options, run: RunSync): Promise<ExitCode> {
  const display = new ProgressDisplay(process.stderr)
  const summaries = await Promise.all(
    mirrors.map(async (mirror) => {
      const summary = await run(mirror, display).catch((error: Error): SyncSummary => ({
        mirror,
        outcome: 'failed',
        error: error.message,
      }))
      display.end(mirror)
      process.stdout.write(options.json === true ? `${formatJson(summary)}\n` : formatSummary(summary))
      return summary
    }),
  )
  return summaries.some(({ outcome }) => outcome === 'failed') ? EXIT.failed : EXIT.done
}

function formatSummary(summary: SyncSummary): string {
  const { mirror, outcome, snapshot, packages, added, removed, replaced = 0, error, advice } = summary
  const { extra_files: extras = [] } = summary
  if (outcome === 'failed') {
    const help = advice === undefined ? '' : `  ${toPrintable(advice)}\n`
    return `${mirror}: failed: ${toPrintable(error ?? '')}\n${help}`
  }
  if (outcome === 'unchanged') return `${mirror}: nothing new, ${snapshot}\n`
  const warning =
    replaced === 0 ? '' : `${mirror}: ${replaced} replaced in place: same name and version, other bytes\n`
  return `${mirror}: published ${snapshot}, ${counted(packages ?? 0, 'package')} (${added} added, ${removed} removed)\n${warning}${formatExtras(mirror, extras)}`
}

/** As many of them as are worth naming. */
const SHOWN_EXTRAS = 5

function formatExtras(mirror: string, extras: readonly string[]): string {
  if (extras.length === 0) return ''
  const shown = extras.slice(0, SHOWN_EXTRAS).map(toPrintable).join(', ')
  const rest = extras.length - SHOWN_EXTRAS
  return `${mirror}: new or changed beside the packages: ${shown}${rest > 0 ? ` and ${rest} more` : ''}\n`
}

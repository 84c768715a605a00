import { isDeepStrictEqual } from 'node:util'

import type { App } from '../app/app.ts'
import { countScheduled, startEarly } from '../app/early-ingest.ts'
import type { AccessConfig } from '../config/access.ts'
import type { Config } from '../config/config.ts'
import { loadConfig, parseConfig } from '../config/load.ts'
import { watchConfig } from '../config/watch.ts'
import { PinyonError } from '../model/errors.ts'
import { trimWhenIdle } from '../system/idle-memory.ts'
import type { Logger } from '../system/logger.ts'
import { ignoreUnusedSignals } from '../system/unused-signals.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { adviseOnListening } from './listen-advice.ts'
import { formatWelcome } from './welcome.ts'

/** A signal that comes again so soon, in milliseconds, is the same one: npm passes on what a terminal has sent to all of its processes. */
const SAME_SIGNAL_MS = 500

/**
 * Runs the server until it is told to stop: SIGTERM or SIGINT drains, a second one ends at once. SIGHUP, or a change of the file, makes it
 * read its configuration anew.
 */
export async function serve(file: string): Promise<ExitCode> {
  // First of all: the signal would end a process that does not listen for it. What it asks for while the server starts is done then.
  let reload = () => void (isAsked = true)
  let isAsked = false
  process.on('SIGHUP', () => reload())
  ignoreUnusedSignals()
  let running: (() => Config) | undefined
  // A key that is just being renewed is no reason to refuse a pin.
  const identityOf = (mirror: string, access: AccessConfig) => {
    const known = running?.().mirrors.get(mirror)
    return isDeepStrictEqual(known?.access, access) ? known?.identity : undefined
  }
  const load = (text?: string) =>
    text === undefined
      ? loadConfig(file, process.env, { identityOf })
      : parseConfig(file, text, process.env, { identityOf })
  const config = load()
  const early = startEarly(config, countScheduled(config))
  // Only here, so that no other command loads a whole server.
  const { App } = await import('../app/app.ts')
  const { createLogger } = await import('../system/logger.ts')
  const log = createLogger()
  const app = await App.open({ config, log, loadConfig: load, early })
  running = () => app.config
  const stopped = stopSignal(log)
  await listen(app, config)
  process.stdout.write(formatWelcome(config, app.address))
  app.startSyncing()
  // What is refused is logged and shown by status; the running configuration stays.
  reload = () => void app.reload().catch(() => undefined)
  if (isAsked) reload()
  const watch = watchConfig(config.file, () => reload())
  const endTrimming = trimWhenIdle()
  await stopped
  endTrimming()
  watch.close()
  await app.close()
  log.info('stopped')
  return EXIT.done
}

async function listen(app: App, config: Config): Promise<void> {
  const { host, port } = config.listen
  try {
    await app.listen()
  } catch (error) {
    await app.close()
    if (error instanceof PinyonError) throw error
    // Only what a system call about the address gave is about it: what is configured is written into the database meanwhile.
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw unusable(config.dataDir, error)
    const why = adviseOnListening(error)
    throw new PinyonError(
      'CONFIG_INVALID',
      `cannot listen on ${host}:${port} (listen in ${config.file}): ${why}`,
    )
  }
}

function unusable(dataDir: string, error: unknown): PinyonError {
  const found = (error as Error).message
  const message = `data_dir cannot be used: ${dataDir}: ${found}; all of it has to belong to this user (uid ${process.getuid?.() ?? 'unknown'})`
  return new PinyonError('STORE_FAILED', message, { cause: error })
}

function stopSignal(log: Logger): Promise<void> {
  return new Promise((resolve) => {
    let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined
    const stop = (signal: NodeJS.Signals) => {
      const at = performance.now()
      if (first?.signal === signal && at - first.at < SAME_SIGNAL_MS) return
      if (first !== undefined) process.exit(EXIT.failed)
      first = { signal, at }
      log.info({ signal }, 'stopping: running answers may finish')
      resolve()
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  })
}

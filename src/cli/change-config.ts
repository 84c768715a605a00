import { realpathSync } from 'node:fs'

import { LEAVING_IDENTITIES, loadConfig } from '../config/load.ts'
import { editConfigFile } from '../config/write.ts'
import { PinyonError } from '../model/errors.ts'
import type { GenerationCause } from '../snapshot/store.ts'
import { holdSignals } from '../system/hold-signals.ts'
import { replaceFile } from '../system/publish.ts'
import { writeLike } from '../system/write-like.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { openServer } from './mirror-source.ts'
import type { ServerConnection } from './server-connection.ts'
import { toPrintable } from './table.ts'

/** A change of the configuration file, by the server or, where that cannot, by this command. */
export interface ConfigChange {
  readonly cause: GenerationCause
  /** Has the server do it, and gives what to tell. Throws NOTHING_TO_DO when that is so. */
  readonly there: (server: ServerConnection) => Promise<string>
  /** Decides what this command does itself. Throws as `there` does. */
  readonly here: () => Promise<EditHere>
}

/** An edit of the file's text. */
export interface EditHere {
  /** Undefined when nothing is to be changed, only told. */
  readonly edit: ((text: string) => string) | undefined
  /** What to tell. */
  readonly done: string
}

/**
 * Makes a change and waits until the server has confirmed it. A server with another configuration file, or one that may not write its
 * own, is told to read it once this command has edited it; without one the change waits for its next start. Exits 3 for nothing to do.
 */
export async function changeConfig(options: Options, change: ConfigChange): Promise<ExitCode> {
  const server = await openServer(options)
  try {
    process.stdout.write(`${await makeChange(server, options, change)}\n`)
    return EXIT.done
  } catch (error) {
    if (!(error instanceof PinyonError) || error.code !== 'NOTHING_TO_DO') throw error
    process.stderr.write(`${toPrintable(error.message)}\n`)
    return EXIT.nothing
  } finally {
    await server?.close()
  }
}

async function makeChange(
  server: ServerConnection | undefined,
  options: Options,
  change: ConfigChange,
): Promise<string> {
  if (server !== undefined && (options.server !== undefined || (await hasFile(server, options.config)))) {
    try {
      return await change.there(server)
    } catch (error) {
      const isOurs = error instanceof PinyonError && error.code === 'CONFIG_READONLY'
      if (!isOurs || options.server !== undefined) throw error
    }
  }
  return await changeHere(server, options, change)
}

async function changeHere(
  server: ServerConnection | undefined,
  options: Options,
  { here, cause }: ConfigChange,
): Promise<string> {
  const { edit, done } = await here()
  if (edit === undefined) return done
  const { file } = loadConfig(options.config, process.env, LEAVING_IDENTITIES)
  await holdSignals(async (stop) => {
    const publish = (temporary: string, target: string) => {
      stop.throwIfAborted()
      return replaceFile(temporary, target)
    }
    await editConfigFile(file, edit, { writeLike, publish })
  })
  if (server === undefined) return `${done}, from the server's next start on`
  try {
    await server.write({ method: 'POST', path: 'reload', body: { cause } })
    return done
  } catch (error) {
    const { message } = error as Error
    throw new PinyonError('CONFIG_INVALID', `${file} is changed, but the server refuses it: ${message}`, {
      cause: error,
    })
  }
}

/** Whether a server reads this configuration file. */
async function hasFile(server: ServerConnection, configFile: string): Promise<boolean> {
  const { file } = await server.get<{ file?: string }>('/api/v1/configuration')
  if (file === undefined) return false
  try {
    return realpathSync(file) === realpathSync(configFile)
  } catch {
    // The server may see another file system than we do.
    return false
  }
}

import { createLayout } from '../cache/layout.ts'
import { findDataDir } from '../config/data-dir.ts'
import { LEAVING_IDENTITIES, loadConfig } from '../config/load.ts'
import { ConfigError } from '../config/problem.ts'
import type { Options } from './exit.ts'
import type { MirrorSource } from './reading.ts'
import { ServerConnection } from './server-connection.ts'

/**
 * The server that the options name; else the running one of the configuration; undefined when none runs.
 * @throws PinyonError when the named one does not answer, and ConfigError
 */
export async function openServer({ config, server }: ServerOptions): Promise<ServerConnection | undefined> {
  if (server !== undefined) return await ServerConnection.connect(server)
  let dataDir: string
  try {
    dataDir = loadConfig(config, process.env, LEAVING_IDENTITIES).dataDir
  } catch (error) {
    const running = error instanceof ConfigError ? await openRefusing(config) : undefined
    if (running === undefined) throw error
    return running
  }
  return await ServerConnection.open(createLayout(dataDir).adminSocket)
}

/** A server that runs with what a file said before it became one that is refused: it is asked all the same, and says why. */
async function openRefusing(file: string): Promise<ServerConnection | undefined> {
  const dataDir = findDataDir(file, process.env)
  if (dataDir === undefined) return undefined
  // What is wrong with the file comes before what is wrong with the socket.
  return await ServerConnection.open(createLayout(dataDir).adminSocket).catch(() => undefined)
}

/** The server, else the data directory itself: both give the same answers. */
export async function openMirrorSource(options: ServerOptions): Promise<MirrorSource> {
  const server = await openServer(options)
  if (server !== undefined)
    return {
      running: true,
      get: (path, answerMs) => server.get(`/api/v1/${path}`, answerMs),
      close: () => server.close(),
    }
  // Only here: asking a server needs nothing of what answers.
  const { openLocalSource } = await import('./local-source.ts')
  return openLocalSource(options.config)
}

/** Which server a command is for. */
type ServerOptions = Pick<Options, 'config' | 'server'>

import { createLayout } from '../cache/layout.ts'
import { LEAVING_IDENTITIES, loadConfig } from '../config/load.ts'
import type { Options } from './exit.ts'
import type { MirrorSource } from './reading.ts'
import { ServerConnection } from './server-connection.ts'

/**
 * The server that the options name; else the running one of the configuration; undefined when none runs.
 * @throws PinyonError when the named one does not answer, and ConfigError
 */
export async function openServer({ config, server }: ServerOptions): Promise<ServerConnection | undefined> {
  if (server !== undefined) return await ServerConnection.connect(server)
  const { dataDir } = loadConfig(config, process.env, LEAVING_IDENTITIES)
  return await ServerConnection.open(createLayout(dataDir).adminSocket)
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

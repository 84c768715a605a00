import { createConnection } from 'node:net'
import { rm } from 'node:fs/promises'

import { PinyonError } from '../model/errors.ts'
import type { HttpServer } from './server.ts'

/** The longest path of a Unix socket on Linux, in bytes. */
const MAX_SOCKET_PATH_BYTES = 107

/**
 * Listens on the admin socket, readable and writable by its owner alone. One that a dead server left is replaced.
 * @returns false when a living server has it
 */
export async function listenOnAdminSocket(server: HttpServer, path: string): Promise<boolean> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES)
    throw new PinyonError('CONFIG_INVALID', `data_dir is too long for a socket's path: ${path}`)
  if (await isAnswered(path)) return false
  await rm(path, { force: true })
  // Made with its final mode: there is no moment at which others could open it.
  const mask = process.umask(0o177)
  try {
    await server.listen({ socket: path })
  } finally {
    process.umask(mask)
  }
  return true
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(path)
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', () => resolve(false))
  })
}

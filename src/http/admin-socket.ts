import { createConnection } from 'node:net'
import { rm } from 'node:fs/promises'

import { PinyonError } from '../model/errors.ts'
import type { HttpServer } from './server.ts'

/** The longest path of a Unix socket on Linux, in bytes. */
const MAX_SOCKET_PATH_BYTES = 107

/** What connecting to a socket gives when no process listens on it, or when it is no socket at all. */
const NOBODY_THERE = ['ENOENT', 'ECONNREFUSED', 'ENOTSOCK']

/**
 * Listens on the admin socket, readable and writable by its owner alone. One that a dead server left is replaced.
 * @returns false when a living server has it
 * @throws PinyonError CONFIG_INVALID for a path that no socket can have, STORE_FAILED when it cannot be made
 */
export async function listenOnAdminSocket(server: HttpServer, path: string): Promise<boolean> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES)
    throw new PinyonError(
      'CONFIG_INVALID',
      `data_dir is too long, a socket's path has at most ${MAX_SOCKET_PATH_BYTES} bytes: ${path}`,
    )
  if (await isAnswered(path)) return false
  try {
    await rm(path, { force: true })
    await listenPrivately(server, path)
  } catch (error) {
    const message = `cannot listen on the admin socket ${path}: ${(error as Error).message}`
    throw new PinyonError('STORE_FAILED', message, { cause: error })
  }
  return true
}

/** Made with its final mode: there is no moment at which others could open it. */
async function listenPrivately(server: HttpServer, path: string): Promise<void> {
  const mask = process.umask(0o177)
  let listening: Promise<void>
  try {
    // The socket is bound before this returns; nothing else is made under this mask.
    listening = server.listen({ socket: path })
  } finally {
    process.umask(mask)
  }
  await listening
}

/** Whether a living server listens on a Unix socket. */
export function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(path)
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
    // A full backlog, or a socket that is not ours to open, belongs to somebody who lives.
    connection.once('error', (error: NodeJS.ErrnoException) =>
      resolve(!NOBODY_THERE.includes(error.code ?? '')),
    )
  })
}

import type { Config } from '../config/config.ts'

/** Every address of a machine, which is none to connect to. */
const ANY_ADDRESS = ['', '0.0.0.0', '::']

/**
 * The URL that a server of this configuration is reached at from its own machine, without a trailing slash: the public one, else the address
 * it listens on.
 * @param port the one it has, when the configuration leaves that open
 */
export function baseUrl({ publicUrl, listen }: Config, port = listen.port): string {
  if (publicUrl !== undefined) return publicUrl
  const host = ANY_ADDRESS.includes(listen.host) ? '127.0.0.1' : listen.host
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

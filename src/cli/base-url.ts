import type { Config, ListenAddress } from '../config/config.ts'

/** Every address of a machine, which is none to connect to. */
const ANY_ADDRESS = ['', '0.0.0.0', '::']

/**
 * The URL that a server of this configuration is reached at from its own machine, without a trailing slash: the public one, else the address
 * that it listens on.
 * @param listening undefined for a Unix socket, which has no URL of its own
 */
export function baseUrl({ publicUrl }: Config, listening: ListenAddress | undefined): string | undefined {
  if (publicUrl !== undefined || listening === undefined) return publicUrl
  const host = ANY_ADDRESS.includes(listening.host) ? '127.0.0.1' : listening.host
  return `http://${host.includes(':') ? `[${host}]` : host}:${listening.port}`
}

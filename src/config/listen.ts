import { isIP, isIPv4, isIPv6 } from 'node:net'
import type { ListenAddress } from './config.ts'

/** The address meant when there is only a port: nobody is served by accident. */
const LOOPBACK = '127.0.0.1'

const LISTEN = /^(?:(?:\[(?<ipv6>[^\]]*)\]|(?<host>[^:[\]]*)):)?(?<port>\d{1,5})$/
const HOST_NAME = /^(?!-)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*$/

/**
 * Reads `host:port`, `[IPv6]:port`, `:port` (every address) or `port` (the loopback address).
 * Undefined when it is none of these.
 */
export function parseListen(text: string): ListenAddress | undefined {
  const groups = LISTEN.exec(text)?.groups
  const port = Number(groups?.['port'] ?? Number.NaN)
  if (groups === undefined || port > 65_535) return undefined
  const { ipv6, host = text.startsWith(':') ? '' : LOOPBACK } = groups
  if (ipv6 !== undefined) return isIPv6(ipv6) ? { host: ipv6, port } : undefined
  return host === '' || isHost(host) ? { host, port } : undefined
}

/** Digits and dots alone are an address, and a wrong one must not become a question to the name server. */
function isHost(host: string): boolean {
  return isIPv4(host) || (HOST_NAME.test(host) && !/^[\d.]+$/.test(host))
}

/** Writes an address so that {@link parseListen} reads it back. */
export function formatListen({ host, port }: ListenAddress): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

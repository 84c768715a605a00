import { PinyonError } from '../model/errors.ts'

const HOST =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]{2,45}\])(?::(?<port>\d{1,5}))?$/

/**
 * The URL that index URLs begin with, without a trailing slash: the configured one, else made from the request's Host.
 * @throws PinyonError HOST_REFUSED for a Host that is absent or could not stand in a URL
 */
export function publicBase(configured: string | undefined, host: string | undefined): string {
  if (configured !== undefined) return configured
  if (host === undefined || !canBeInUrl(host))
    throw new PinyonError(
      'HOST_REFUSED',
      `the Host header cannot stand in a URL: ${JSON.stringify(host ?? '')}`,
    )
  return `http://${host}`
}

/** Whether a request's Host can stand in a URL. */
export function canBeInUrl(host: string): boolean {
  const found = HOST.exec(host)
  return found !== null && Number(found.groups?.['port'] ?? 0) <= 65_535
}

/** The path below which clients see this server, without a trailing slash; empty unless the configured URL has one. */
export function publicPath(configured: string | undefined): string {
  return configured === undefined ? '' : new URL(configured).pathname.replace(/\/$/, '')
}

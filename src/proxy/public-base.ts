import { PinyonError } from '../model/errors.ts'

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/

/**
 * The URL that index URLs begin with, without a trailing slash: the configured one, else made from the request's Host.
 * @throws PinyonError HOST_REFUSED for a Host that is absent or could not stand in a URL
 */
export function publicBase(configured: string | undefined, host: string | undefined): string {
  if (configured !== undefined) return configured
  if (host === undefined || !HOST.test(host))
    throw new PinyonError(
      'HOST_REFUSED',
      `the Host header cannot stand in a URL: ${JSON.stringify(host ?? '')}`,
    )
  return `http://${host}`
}

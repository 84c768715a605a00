import { PinyonError } from '../model/errors.ts'
import { splitCredentials } from './credentials.ts'

export const MAX_REDIRECTS = 5

const REDIRECTS = new Set([301, 302, 303, 307, 308])

/**
 * Where an answer sends us on, as an absolute http or https URL; undefined when it does not.
 * @param status of the answer, `location` its header as received
 * @throws PinyonError UPSTREAM_STATUS when it leads nowhere that may be asked. It names origins only: what follows may hold a token
 */
export function redirectTarget(
  url: string,
  status: number,
  location: string | string[] | undefined,
): string | undefined {
  if (!REDIRECTS.has(status)) return undefined
  const target = typeof location === 'string' ? URL.parse(location, url) : null
  if (target === null || !/^https?:$/.test(target.protocol))
    throw new PinyonError(
      'UPSTREAM_STATUS',
      `${new URL(url).origin} redirects to no http or https URL: ${status}`,
      {
        status,
      },
    )
  target.hash = ''
  // Credentials in a Location are not sent by browsers or curl either.
  return splitCredentials(target.href).url
}

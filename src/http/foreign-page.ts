import type { IncomingMessage } from 'node:http'

import { PinyonError } from '../model/errors.ts'

/**
 * Refuses what a page of somebody else makes a browser ask for, of what anybody may change without a token: views, which jobs open and end.
 * No page of ours does, and no job's client sends `Origin`. Of what a browser asks for without it `Sec-Fetch-Site` tells, where the server's
 * address is one that browsers trust (https, or this machine); a link that somebody has clicked on is theirs.
 * @throws PinyonError FORBIDDEN
 */
export function refuseForeignPage({ headers }: Pick<IncomingMessage, 'headers'>): void {
  const { origin } = headers
  const site = headers['sec-fetch-site']
  const isClicked = headers['sec-fetch-user'] === '?1' && headers['sec-fetch-dest'] === 'document'
  const isForeign = (site === 'cross-site' || site === 'same-site') && !isClicked
  if (origin === undefined && !isForeign) return
  const from = origin === undefined ? 'another site' : JSON.stringify(origin.slice(0, 200))
  throw new PinyonError(
    'FORBIDDEN',
    `views are for jobs, and not for what a page makes a browser do: ${from}`,
  )
}

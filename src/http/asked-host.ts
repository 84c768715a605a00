import type { IncomingMessage } from 'node:http'

import { PinyonError } from '../model/errors.ts'

/**
 * The host that a request is for: that of a target in absolute form, before the Host header (RFC 9112, section 3.2.2).
 * @throws PinyonError HOST_REFUSED for several Host headers, of which somebody in front may have taken another one
 */
export function askedHost({ url = '', headers, rawHeaders }: IncomingMessage): string | undefined {
  const count = rawHeaders.filter((name, at) => at % 2 === 0 && /^host$/i.test(name)).length
  if (count > 1) throw new PinyonError('HOST_REFUSED', `expected one Host header, found: ${count}`)
  return /^https?:\/\/([^/?#]*)/i.exec(url)?.[1] ?? headers.host
}

import { hash, timingSafeEqual } from 'node:crypto'

import { PinyonError } from '../model/errors.ts'

/** SHA-256 hashes of the tokens that may write, by name. */
export type TokenHashes = ReadonlyMap<string, Uint8Array>

const CHALLENGE = 'Bearer realm="pinyon"'

/**
 * The name of the token in an Authorization header (RFC 6750 §2.1). All known ones are compared, each in constant time, so that how long it
 * takes tells nothing about any of them.
 * @throws PinyonError FORBIDDEN when no tokens are configured, UNAUTHORIZED for none or a wrong one; neither says what was sent
 */
export function findTokenName(header: string | undefined, tokens: TokenHashes): string {
  if (tokens.size === 0)
    throw new PinyonError(
      'FORBIDDEN',
      'nothing can be written over the network: the configuration has no tokens: { NAME: { file: PATH } }',
    )
  const presented = /^Bearer +([\x21-\x7e]+) *$/i.exec(header ?? '')?.[1]
  if (presented === undefined)
    throw new PinyonError('UNAUTHORIZED', 'writing needs a token: Authorization: Bearer TOKEN', {
      challenge: CHALLENGE,
    })
  const digest = hash('sha256', presented, 'buffer')
  let found: string | undefined
  for (const [name, known] of tokens) if (timingSafeEqual(digest, known)) found = name
  if (found === undefined)
    throw new PinyonError('UNAUTHORIZED', 'the token is none of those in the configuration', {
      challenge: `${CHALLENGE}, error="invalid_token"`,
    })
  return found
}

import { socketActor, tokenActor } from '../model/actor.ts'
import { findTokenName, type TokenHashes } from './bearer.ts'
import type { Exchange } from './exchange.ts'

/** What a command line says of its user; believed on the admin socket alone, which only the server's own user can open. */
export const USER_HEADER = 'x-pinyon-user'

/** Everybody who can open the admin socket may write: its mode is the guard. */
export function authorizeBySocket({ request }: Exchange): string {
  const user = request.headers[USER_HEADER]
  return socketActor(typeof user === 'string' ? user : undefined)
}

/**
 * Over the network a token is needed.
 * @param tokens gives those of the running configuration
 */
export function authorizeByToken(tokens: () => TokenHashes): (exchange: Exchange) => string {
  return ({ request }) => tokenActor(findTokenName(request.headers.authorization, tokens()))
}

import { randomBytes } from 'node:crypto'

/** What an id may be that somebody else has given: of bounded length, and such that it can stand in any log and header. */
export const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}$/

/** The name of the header, as we write it. */
export const REQUEST_ID_HEADER = 'X-Request-Id'

/** Makes ids of requests: each once, over all servers, by what it begins with. */
export class RequestIds {
  readonly #prefix = `${randomBytes(6).toString('hex')}-`
  #count = 0

  next(): string {
    this.#count += 1
    return this.#prefix + this.#count.toString(36)
  }

  /** The id that a request brings along, or a new one where it brings none that can be used. */
  accept(given: string | readonly string[] | undefined): string {
    return typeof given === 'string' && REQUEST_ID.test(given) ? given : this.next()
  }
}

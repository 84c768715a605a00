/** Who changes the index without being asked each time. */
export const ACTORS = { schedule: 'schedule', configuration: 'configuration file' } as const

/** The longest name of a user that is kept. */
const MAX_USER_LENGTH = 64

/** Who spoke through the admin socket; what a client says about itself is cut to printable ASCII on one line. */
export function socketActor(user: string | undefined): string {
  const name = (user ?? '').replace(/[^\x20-\x7e]+/g, '?').trim()
  return name === '' ? 'socket user' : `socket user ${name.slice(0, MAX_USER_LENGTH).trim()}`
}

/** Who spoke with a token of the configuration. */
export function tokenActor(name: string): string {
  return `token ${name}`
}

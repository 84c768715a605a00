import type { SectionSettings, Setting } from './import-settings.ts'

/** What a secret is for; a part of its variable's name. */
export type SecretUse = 'USERNAME' | 'PASSWORD' | 'PROXY_USERNAME' | 'PROXY_PASSWORD'

/** Enough to tell repositories apart. */
const OWNER_MAX = 60

/** The environment variables that stand for what is not to be written into a configuration. */
export class SecretVariables {
  readonly #names = new Map<string, string>()
  readonly #taken = new Map<string, number>()

  /** In the order of their first use. */
  get names(): readonly string[] {
    return [...this.#names.values()]
  }

  /**
   * The variable of a secret: the same one for the same secret in the same use, whoever has it, and never the same one for two.
   *
   * @param owner the repo id after which it is named when it is new
   */
  nameOf(owner: string, use: SecretUse, secret: string): string {
    const key = `${use} ${secret}`
    const known = this.#names.get(key)
    if (known !== undefined) return known
    const word = owner
      .toUpperCase()
      .replace(/[^A-Z0-9]+/g, '_')
      .slice(0, OWNER_MAX)
    const base = `PINYON_${word.replace(/^_|_$/g, '')}_${use}`
    const count = (this.#taken.get(base) ?? 0) + 1
    this.#taken.set(base, count)
    const name = count === 1 ? base : `${base}_${count}`
    this.#names.set(key, name)
    return name
  }
}

/** A user and a password, either of which may be empty. */
export interface Credentials {
  /** The id of the section that they are from. */
  readonly owner: string
  readonly username: string
  readonly password: string
}

/** Those that keys of a section give, `proxy_username` and `proxy_password` with that prefix. */
export function readCredentials(settings: SectionSettings, prefix: '' | 'proxy_'): Credentials | undefined {
  const username = settings.get(`${prefix}username`)
  const password = settings.get(`${prefix}password`)
  const owner = username?.owner ?? password?.owner
  if (owner === undefined) return undefined
  return { owner, username: username?.text ?? '', password: password?.text ?? '' }
}

/** Adds a comment about what was not written down of URLs. */
export function noteSecrets(
  settings: SectionSettings,
  { key, place }: Setting,
  urls: readonly { readonly secrets: readonly string[] }[],
): void {
  const names = [...new Set(urls.flatMap(({ secrets }) => secrets))]
  if (names.length > 0)
    settings.notes.push(
      `the credentials of ${key}= (${place}) go into pinyon's environment, percent-encoded: ${names.join(', ')}`,
    )
}

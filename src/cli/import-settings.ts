import { describeLeftBehind } from './import-reasons.ts'
import type { YumSection } from '../inject/yum-config.ts'
import { unquoteYumValue } from '../inject/yum-values.ts'
import { expandVariables } from '../model/yum-variables.ts'

/** A key of a mirror and its value, in the form of pinyon's configuration. */
export type MirrorKey = readonly [
  key: string,
  value: string | number | boolean | readonly string[] | undefined,
]

/** What a key says to a repository, variables expanded as far as they are known. */
export interface Setting {
  readonly key: string
  readonly text: string
  /** `epel.repo:12`, for comments. */
  readonly place: string
  /** The id of the section it is in. */
  readonly owner: string
}

/** A setting as comments name it: `timeout=0 (epel.repo:12)`. */
export function describeSetting({ key, text, place }: Setting): string {
  return `${key}=${text} (${place})`
}

/** A `[main]`, which holds for the repositories of its file and of those after it. */
export interface MainSection {
  readonly label: string
  readonly section: YumSection
  /** What is to be said of it, once for all the repositories. */
  readonly notes: Set<string>
}

/** Keys of `[main]` that repositories take over from it. */
const INHERITED: ReadonlySet<string> = new Set([
  'failovermethod',
  'gpgcheck',
  'mirrorlist_expire',
  'repo_gpgcheck',
  'bandwidth',
  'minrate',
  'password',
  'proxy',
  'proxy_password',
  'proxy_sslcacert',
  'proxy_sslclientcert',
  'proxy_sslclientkey',
  'proxy_sslverify',
  'proxy_username',
  'retries',
  'sslcacert',
  'sslclientcert',
  'sslclientkey',
  'sslverify',
  'throttle',
  'timeout',
  'username',
])

/** Keys that are looked at one by one, and explained when they are not carried over. */
const LOOKED_AT: ReadonlySet<string> = new Set([
  ...INHERITED,
  'baseurl',
  'enabled',
  'gpgkey',
  'metalink',
  'mirrorlist',
  'name',
  'path',
  'type',
])

/** The settings of one section, with those that it takes over from `[main]`, and the comments that they lead to. */
export class SectionSettings {
  readonly notes: string[] = []
  readonly #label: string
  readonly #section: YumSection
  readonly #main: MainSection | undefined
  readonly #variables: ReadonlyMap<string, string>

  /** @param label the file's name, for comments */
  constructor(
    label: string,
    section: YumSection,
    main: MainSection | undefined,
    variables: ReadonlyMap<string, string>,
  ) {
    this.#label = label
    this.#section = section
    this.#main = main
    this.#variables = variables
  }

  /** A key's value; `''` where it is there without one, which overrides `[main]`. */
  get(key: string): Setting | undefined {
    const own = this.#section.values.get(key)
    if (own !== undefined) return this.#read(key, own, this.#label, this.#section.id)
    const main = INHERITED.has(key) ? this.#main : undefined
    const inherited = main?.section.values.get(key)
    return main === undefined || inherited === undefined
      ? undefined
      : this.#read(key, inherited, main.label, main.section.id)
  }

  /** What comments would say of a key if they were none. */
  getDisabled(key: string): readonly Setting[] {
    return this.#section.disabled
      .filter((value) => value.key === key && value.text !== '')
      .map((value) => this.#read(key, value, this.#label, this.#section.id))
  }

  /** Adds a comment about a setting: to the repository, or once to the `[main]` that the setting is from. */
  note(setting: Setting, text: string): void {
    if (this.#main !== undefined && setting.owner === this.#main.section.id) this.#main.notes.add(text)
    else this.notes.push(text)
  }

  /** Adds a comment about keys of its own that have no use because of others; nothing when none of them says anything. */
  noteUnused(keys: readonly string[], reason: string): void {
    const unused = keys.filter((key) => (this.#section.values.get(key)?.text ?? '') !== '')
    const words = unused.map((key) => `${key}=`).join(', ')
    if (unused.length > 0)
      this.notes.push(`${words} ${unused.length === 1 ? 'is' : 'are'} not carried over: ${reason}`)
  }

  /** Adds comments about all the keys that have no use here. */
  noteLeftBehind(): void {
    const values = [...this.#section.values].filter(([key]) => !LOOKED_AT.has(key))
    this.notes.push(...describeLeftBehind(values.map(([key, { text }]) => [key, unquoteYumValue(text)])))
  }

  #read(key: string, { text, line }: { text: string; line: number }, label: string, owner: string): Setting {
    return {
      key,
      text: expandVariables(unquoteYumValue(text), this.#variables),
      place: `${label}:${line}`,
      owner,
    }
  }
}

/** Notes what of a `[main]` no repository has any use for. */
export function noteMain({ section, notes }: MainSection): void {
  const values = [...section.values].filter(([key]) => !INHERITED.has(key))
  for (const note of describeLeftBehind(
    values.map(([key, { text }]) => [key, unquoteYumValue(text)]),
    'of no concern to a mirror',
  ))
    notes.add(note)
}

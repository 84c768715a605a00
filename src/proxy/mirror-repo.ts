import { baseEnd, type SnapshotLayout } from '../model/snapshot-path.ts'
import { PinyonError } from '../model/errors.ts'

/** The file below a snapshot, or `latest`, that is a ready section for clients. */
export const MIRROR_REPO = 'mirror.repo'
/** The file below a mirror that holds its keys, as far as they are files of this server. */
export const KEY_FILE = 'RPM-GPG-KEY'

/** What clients are told of a mirror beside its URL. */
export interface ClientSettings {
  /** Whether they are to check packages' signatures; undefined: nothing is said. */
  readonly gpgcheck: boolean | undefined
  /** Whether they are to check repomd.xml's; undefined: nothing is said. */
  readonly repoGpgcheck?: boolean | undefined
  /** Where they get keys from, in order. */
  readonly gpgkeys: readonly ClientKey[]
  /** The bytes of {@link KEY_FILE}. */
  readonly servedKeys: Buffer | undefined
}

/** The URL of a key, or `served`: {@link KEY_FILE}. */
export type ClientKey = string

/** A section to write. */
export interface MirrorRepo {
  readonly mirror: string
  /** A snapshot's name, or `latest`. */
  readonly view: string
  /** Of the snapshot. */
  readonly layout: SnapshotLayout
  /** What URLs begin with. */
  readonly base: string
  readonly settings: ClientSettings
}

/** Writes a section for yum, dnf and zypper: everything to use a mirror as it is at a snapshot, or as it goes on under `latest/`. */
export function formatMirrorRepo({ mirror, view, layout, base, settings }: MirrorRepo): string {
  const { gpgcheck, repoGpgcheck, gpgkeys } = settings
  const below = `${quoteValue(base)}/repos/yum/${mirror}`
  const rolling = view === 'latest'
  const keys = gpgkeys.map((key) => (key === 'served' ? `${below}/${KEY_FILE}` : quoteItem(key)))
  const lines = [
    `[${toRepoId(mirror)}]`,
    `name=${mirror}${rolling ? '' : ` ${view}`}`,
    `baseurl=${below}/${view}${baseEnd(layout)}${rolling ? '/' : ''}`,
    'enabled=1',
    ...(gpgcheck === undefined ? [] : [`gpgcheck=${gpgcheck ? 1 : 0}`]),
    ...(repoGpgcheck === undefined ? [] : [`repo_gpgcheck=${repoGpgcheck ? 1 : 0}`]),
    ...(keys.length === 0 ? [] : [`gpgkey=${keys.join('\n       ')}`]),
  ]
  return `${lines.join('\n')}\n`
}

/** The keys of a mirror that this server hands out. Throws PinyonError NOT_FOUND when it has none. */
export function servedKeysOf(mirror: string, { servedKeys }: ClientSettings): Buffer {
  if (servedKeys !== undefined) return servedKeys
  throw new PinyonError('NOT_FOUND', `the configuration names no gpgkey with a file: URL for: ${mirror}`)
}

/** A section's name that dnf takes: of what a mirror's can have it refuses `+`, `@` and `~`. */
function toRepoId(mirror: string): string {
  return mirror.replace(/[+@~]/g, '_')
}

/** A URL as part of a value: `$` would begin one of yum's variables. */
function quoteValue(url: string): string {
  return url.replaceAll('$', '%24')
}

/** A URL as an item of a list: a comma would end it. Variables in it are for the client. */
function quoteItem(url: string): string {
  return url.replaceAll(',', '%2C')
}

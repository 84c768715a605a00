import { parseYumBoolean } from '../inject/yum-values.ts'

const CLIENTS = 'clients go by it, as before'
const CHECKED_BY_CLIENTS = 'clients check packages themselves, and get them as upstream signed them'
const WHOLE =
  'a snapshot lists what upstream lists; clients leave out the rest, and what nobody asks for is not fetched'
const AUTHORITIES = 'pinyon has sslcacert, which may be a directory, and looks at no revocation'
const ONE_CLIENT =
  'that is for one client; pinyon has max_parallel_downloads of a mirror, and of a host in hosts:'
const INTERVAL = 'how often pinyon looks upstream is sync_interval'
const NO_SUCH_SETTING = 'pinyon has no such setting'
const UNKNOWN = 'pinyon does not know it'

/** More than all that yum and dnf know of a repository. */
const WORDS_MAX = 40

/** Why the keys of a repository that pinyon has no use for are left behind. */
const REASONS: Readonly<Record<string, readonly string[]>> = {
  [WHOLE]: ['exclude', 'excludepkgs', 'includepkgs'],
  [CHECKED_BY_CLIENTS]: ['pkg_gpgcheck', 'gpgcakey'],
  [AUTHORITIES]: ['sslverifystatus', 'sslcacertdir', 'sslcapath'],
  [ONE_CLIENT]: ['max_parallel_downloads'],
  [INTERVAL]: ['metadata_expire', 'autorefresh'],
  [CLIENTS]: [
    'cost',
    'countme',
    'deltarpm',
    'deltarpm_percentage',
    'enabled_metadata',
    'enablegroups',
    'excludeenvs',
    'excludegroups',
    'keeppackages',
    'mdpolicy',
    'metadata_expire_filter',
    'module_hotfixes',
    'priority',
    'service',
    'skip_if_unavailable',
    'ui_repoid_vars',
    'zchunk',
  ],
  [NO_SUCH_SETTING]: [
    'async',
    'fastestmirror',
    'http_caching',
    'ip_resolve',
    'keepalive',
    'proxy_auth_method',
    'user_agent',
  ],
}

const REASON_BY_KEY: ReadonlyMap<string, string> = new Map(
  Object.entries(REASONS).flatMap(([reason, keys]) => keys.map((key) => [key, reason] as const)),
)

/** Values with which a key says what pinyon does anyway. */
const NOTHING_LOST: Readonly<Record<string, (text: string) => boolean>> = {
  pkg_gpgcheck: isFalse,
}

/**
 * Groups keys by the reason why they are not carried over, in the order of their first ones: `exclude= is not carried over: …`. Says
 * nothing of those with which nothing is lost.
 *
 * @param values the keys in lower case and what they say
 * @param otherwise the reason for a key of which nothing is known
 */
export function describeLeftBehind(
  values: Iterable<readonly [key: string, text: string]>,
  otherwise: string = UNKNOWN,
): string[] {
  const keys = new Map<string, string[]>()
  for (const [key, text] of values) {
    if (text === '' || isNothingLost(key, text)) continue
    const reason = REASON_BY_KEY.get(key) ?? otherwise
    const known = keys.get(reason)
    if (known === undefined) keys.set(reason, [`${key}=`])
    else known.push(`${key}=`)
  }
  return [...keys].map(([reason, words]) => `${joinWords(words)} not carried over: ${reason}`)
}

function joinWords(words: readonly string[]): string {
  if (words.length === 1) return `${words[0] ?? ''} is`
  const more = words.length - WORDS_MAX
  return more > 0 ? `${words.slice(0, WORDS_MAX).join(', ')} and ${more} more are` : `${words.join(', ')} are`
}

function isNothingLost(key: string, text: string): boolean {
  return Object.hasOwn(NOTHING_LOST, key) && NOTHING_LOST[key]?.(text) === true
}

function isFalse(text: string): boolean {
  return parseYumBoolean(text) === false
}

/**
 * Kinds of clients, as people call them: a closed list, so that what is counted by it stays small whatever clients send.
 *
 * - dnf 4, dnf 5: told apart by the system that runs it, see {@link classifyAgent}; microdnf goes with the dnf of its system
 * - dnf: one of them, or microdnf, on a system of which that is not known
 * - none: no User-Agent at all
 * - other: what is not on the list
 */
export const AGENTS = [
  'dnf 4',
  'dnf 5',
  'dnf',
  'yum 3',
  'urlgrabber',
  'zypper',
  'tdnf',
  'mock',
  'rpm-ostree',
  'PackageKit',
  'apt',
  'curl',
  'wget',
  'python-requests',
  'urllib',
  'Go',
  'browser',
  'pinyon',
  'none',
  'other',
] as const
export type Agent = (typeof AGENTS)[number]

/** What is looked at of a User-Agent, in characters: no real one of these says more before it has said who it is. */
const MAX_LENGTH = 200

/** By how a User-Agent begins. */
const BEGINNINGS: readonly (readonly [RegExp, Agent])[] = [
  [/^dnf\/4\./, 'dnf 4'],
  [/^(?:dnf|libdnf)5?\/5\./, 'dnf 5'],
  [/^dnf5?\//, 'dnf'],
  [/^urlgrabber\//, 'urlgrabber'],
  [/^ZYpp /, 'zypper'],
  [/^tdnf\b/, 'tdnf'],
  [/^mock\b/i, 'mock'],
  [/^rpm-ostree\b/, 'rpm-ostree'],
  [/^PackageKit\b/, 'PackageKit'],
  [/APT-HTTP\//, 'apt'],
  [/^(?:lib)?curl\//, 'curl'],
  [/^Wget2?\//, 'wget'],
  [/^python-requests\//, 'python-requests'],
  [/^Python-urllib\//, 'urllib'],
  [/^Go-http-client\//, 'Go'],
  [/^pinyon\//, 'pinyon'],
  [/^(?:Mozilla|Opera)\//, 'browser'],
]

/** The last version of a system whose dnf is dnf 4, and the first whose is dnf 5, where there is one. */
interface DnfSystem {
  readonly last4: number
  readonly first5?: number
}

const FEDORA: DnfSystem = { last4: 40, first5: 41 }
const ENTERPRISE_LINUX: DnfSystem = { last4: 10, first5: 11 }

/** By the NAME of os-release. */
const DNF_SYSTEMS: ReadonlyMap<string, DnfSystem> = new Map([
  ['Fedora', FEDORA],
  ['Fedora Linux', FEDORA],
  ['Red Hat Enterprise Linux', ENTERPRISE_LINUX],
  ['CentOS Linux', ENTERPRISE_LINUX],
  ['CentOS Stream', ENTERPRISE_LINUX],
  ['AlmaLinux', ENTERPRISE_LINUX],
  ['Rocky Linux', ENTERPRISE_LINUX],
  ['Oracle Linux Server', ENTERPRISE_LINUX],
  ['CloudLinux', ENTERPRISE_LINUX],
  ['EuroLinux', ENTERPRISE_LINUX],
  ['Amazon Linux', { last4: 2023 }],
  ['openEuler', { last4: 24 }],
  ['openSUSE Leap', { last4: 15 }],
  ['Mageia', { last4: 9 }],
  ['Debian GNU/Linux', { last4: 12 }],
  ['Ubuntu', { last4: 24 }],
])

/**
 * The kind of client that sends a User-Agent. dnf 4, dnf 5 and microdnf all send `libdnf (NAME VERSION; VARIANT; OS.ARCH)`, so it is
 * the system that tells them apart: whichever of them is its `dnf`. libdnf up to 0.35 gave its own version as well.
 */
export function classifyAgent(header: string | undefined): Agent {
  if (header === undefined || header === '') return 'none'
  const text = header.slice(0, MAX_LENGTH)
  // `urlgrabber/3.10 yum/3.4.3`; the installer of Enterprise Linux 7 puts its own name before.
  if (/(?:^| )yum\/3\./.test(text)) return 'yum 3'
  for (const [beginning, agent] of BEGINNINGS) if (beginning.test(text)) return agent
  return /^libdnf\b/.test(text) ? classifyLibdnf(text) : 'other'
}

function classifyLibdnf(text: string): Agent {
  if (/^libdnf\/[01]\./.test(text)) return 'dnf 4'
  const [, name = '', version = ''] = /^libdnf \(([^;()]+) (\d{1,4})(?:[.\d]*);/.exec(text) ?? []
  const system = DNF_SYSTEMS.get(name)
  if (system === undefined) return 'dnf'
  if (Number(version) <= system.last4) return 'dnf 4'
  return system.first5 !== undefined && Number(version) >= system.first5 ? 'dnf 5' : 'dnf'
}

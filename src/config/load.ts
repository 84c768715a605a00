import { resolve } from 'node:path'
import type * as z from 'zod'
import { NO_IDENTITY } from '../model/identity.ts'
import { isMapping } from '../model/is-mapping.ts'
import { TrustedProxies } from '../model/trusted-proxies.ts'
import { refuseMirrorName } from '../model/mirror-name.ts'
import { ARCH_WORDS, buildArches, expandKeys, locateKey, refuseArches } from './arches.ts'
import { buildAccess, buildHost, type MirrorAccess } from './build-access.ts'
import type { Config, GpgKey, MirrorConfig, TokenConfig } from './config.ts'
import { quote } from './describe.ts'
import type { HostConfig, IdentityOf } from './access.ts'
import { ConfigDocument } from './document.ts'
import { readGpgKeys } from './gpg-keys.ts'
import { ConfigError, type ConfigProblem } from './problem.ts'
import { readConfigFile } from './read.ts'
import { configKeys, configSchema, HOST_NAME, type FileConfig, type FileMirror } from './schema.ts'
import { SECRET_KEYS } from './schema-access.ts'
import { suggestKey } from '../model/suggest.ts'
import { readTokens, TOKEN_NAME } from './tokens.ts'
import { expandConfiguration, joinVariables } from './variables.ts'
import type { KeyLocation } from './urls.ts'
import { PROBLEMS_MAX } from './yaml.ts'

/** How a configuration is read. */
export interface LoadOptions {
  /** What is known already; everything is read unless told. */
  readonly identityOf?: IdentityOf
}

/** For those who only speak to the server, and have to hear from it what is wrong with such a file. */
export const LEAVING_IDENTITIES: LoadOptions = { identityOf: () => NO_IDENTITY }

/**
 * Reads a configuration file (YAML 1.2), expands `${NAME}` in its strings, checks it and fills in every default.
 *
 * @param file its path, relative to the working directory or absolute; problems name it as given
 * @param env where `${NAME}` is looked up
 * @throws {ConfigError} with every problem found; nothing else
 */
export function loadConfig(file: string, env: NodeJS.ProcessEnv, options: LoadOptions = {}): Config {
  const reading = readConfigFile(file)
  if ('found' in reading) {
    const problem = { file, key: '', found: reading.found, expected: 'a readable configuration file' }
    throw new ConfigError([problem], reading.cause)
  }
  return parseConfig(file, reading.text, env, options)
}

/**
 * As {@link loadConfig}, of text that may not be in the file yet.
 *
 * @throws {ConfigError} with every problem found; nothing else
 */
export function parseConfig(
  file: string,
  text: string,
  env: NodeJS.ProcessEnv,
  { identityOf }: LoadOptions = {},
): Config {
  const document = new ConfigDocument(file, text, env)
  const path = resolve(file)
  const parsed = document.value === undefined ? undefined : checkDocument(document, path)
  const tokens = readTokens(parsed?.tokens ?? {}, (name, expected) =>
    document.refuseValue(['tokens', name, 'file'], expected),
  )
  const keys = readGpgKeys(locateKeys(parsed), (mirror, index, expected) => {
    const { arches = [] } = parsed?.mirrors[mirror] ?? {}
    const [written, arch] = locateKey(index, arches)
    document.refuseValue(['mirrors', mirror, 'gpgkey', written], `${expected}${arch}`)
  })
  for (const [name, mirror] of Object.entries(parsed?.mirrors ?? {})) {
    const expected = refuseKeys(mirror.gpgkey)
    if (expected === undefined) continue
    if (mirror.repo_gpgcheck) document.refuseValue(['mirrors', name, 'repo_gpgcheck'], expected)
    // Without a key it is for clients alone.
    if (mirror.gpgcheck === true && mirror.gpgkey !== undefined)
      document.refuseValue(['mirrors', name, 'gpgcheck'], expected)
  }
  const access = new Map(
    Object.entries(parsed?.mirrors ?? {}).map(([name, mirror]) => [
      name,
      buildAccess(name, mirror, document, identityOf),
    ]),
  )
  const hosts = new Map(
    Object.entries(parsed?.hosts ?? {}).map(([name, host]) => [name, buildHost(name, host, document)]),
  )
  if (parsed === undefined || document.problems.length > 0)
    throw new ConfigError(selectProblems(document.problems))
  return buildConfig(path, parsed, { tokens, keys, access, hosts }, document)
}

/** Checks names and values; undefined when there was a problem with a value. */
function checkDocument(document: ConfigDocument, path: string): FileConfig | undefined {
  // A file without content, or of comments only, leaves everything to the defaults.
  const value = document.value ?? {}
  for (const name of namesIn(value, 'tokens')) {
    const expected = 'a token name of up to 64 letters, digits and . _ -'
    if (!TOKEN_NAME.test(name)) document.refuseKey(['tokens', name], `the name ${quote(name)}`, expected)
  }
  for (const name of namesIn(value, 'hosts')) {
    const expected = 'a host of a URL in lower case, such as dl.example.org or dl.example.org:8443'
    if (!HOST_NAME.test(name)) document.refuseKey(['hosts', name], `the name ${quote(name)}`, expected)
  }
  for (const name of namesIn(value, 'mirrors')) {
    const reason = refuseMirrorName(name)
    const expected = 'a mirror name of letters, digits and . _ + @ ~ -'
    if (reason !== undefined)
      document.refuseKey(['mirrors', name], `the name ${quote(name)} (${reason})`, expected)
  }
  for (const name of namesIn(value, 'mirrors')) {
    const expected = 'a URL or a list of URLs; or a metalink or mirrorlist in its place'
    if (hasNoSource(value, name)) document.refuseValue(['mirrors', name, 'baseurl'], expected)
    refuseArches(name, settingsOf(value, name), document)
  }
  const result = configSchema(path).safeParse(expandConfiguration(value, ARCH_WORDS))
  if (result.success) return result.data
  for (const issue of result.error.issues.slice(0, PROBLEMS_MAX)) refuseIssue(document, issue)
  return undefined
}

function namesIn(value: unknown, key: 'tokens' | 'hosts' | 'mirrors'): string[] {
  const entries = isMapping(value) ? value[key] : undefined
  return isMapping(entries) ? Object.keys(entries) : []
}

/** Whether a mirror, which may be wrong in other ways, does not say where it comes from. */
function hasNoSource(value: unknown, mirror: string): boolean {
  const settings = settingsOf(value, mirror)
  return isMapping(settings) && !['baseurl', 'metalink', 'mirrorlist'].some((key) => key in settings)
}

/** Whether there is a mapping of mirrors, and it is empty. */
function saysNoMirrors(value: unknown): boolean {
  const mirrors = isMapping(value) ? value['mirrors'] : undefined
  return isMapping(mirrors) && Object.keys(mirrors).length === 0
}

function settingsOf(value: unknown, mirror: string): unknown {
  const mirrors = isMapping(value) ? value['mirrors'] : undefined
  return isMapping(mirrors) ? mirrors[mirror] : undefined
}

function refuseIssue(document: ConfigDocument, issue: z.core.$ZodIssue): void {
  // A name has been refused with its own words.
  if (issue.code === 'invalid_key') return
  // Who took it for the token itself must not find that in a log.
  if (issue.path[0] === 'tokens' && issue.path.length === 2 && issue.code !== 'unrecognized_keys')
    return document.refuseKey(issue.path, 'no mapping', issue.message)
  if (issue.path[0] === 'mirrors' && SECRET_KEYS.has(issue.path[2] ?? ''))
    return document.refuseHidden(issue.path, issue.message)
  if (issue.code !== 'unrecognized_keys') return document.refuseValue(issue.path, issue.message)
  const keys = configKeys()
  const [section] = issue.path
  const known = section === undefined ? keys.top : isSection(section) ? keys[section] : keys.mirror
  for (const key of issue.keys.slice(0, PROBLEMS_MAX)) {
    const meant = suggestKey(key, known)
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`
    document.refuseKey([...issue.path, key], 'an unknown key', `one of ${known.join(', ')}${hint}`)
  }
}

const SECTIONS = ['prefetch', 'retention', 'cache', 'dashboard', 'metrics', 'tokens', 'hosts'] as const

function isSection(key: PropertyKey): key is (typeof SECTIONS)[number] {
  return SECTIONS.some((section) => section === key)
}

/** In the order of the file, those of the file as a whole first, and not more than anyone reads. */
function selectProblems(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const ordered = problems.toSorted(
    (left, right) => (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0),
  )
  return ordered.slice(0, PROBLEMS_MAX)
}

function locateKeys(parsed: FileConfig | undefined): Record<string, readonly KeyLocation[]> {
  const mirrors = Object.entries(parsed?.mirrors ?? {})
  return Object.fromEntries(
    mirrors.map(([name, { gpgkey = [], arches }]) => [name, expandKeys(gpgkey, arches)]),
  )
}

/** What has to stand beside what is checked with keys; undefined when it does. */
function refuseKeys(locations: readonly KeyLocation[] = []): string | undefined {
  if (locations.length === 0) return 'false, or a gpgkey beside it to check with'
  const isOpen = locations.some((location) => 'url' in location && /\$\{?[a-z]/i.test(location.url))
  return isOpen ? "false, or a gpgkey with yum's variables written out" : undefined
}

/** What stood in the files that a configuration names. */
interface FilesRead {
  readonly tokens: ReadonlyMap<string, TokenConfig>
  readonly keys: ReadonlyMap<string, readonly GpgKey[]>
  readonly access: ReadonlyMap<string, MirrorAccess>
  readonly hosts: ReadonlyMap<string, HostConfig>
}

function buildConfig(
  file: string,
  parsed: FileConfig,
  { tokens, keys, access, hosts }: FilesRead,
  document: ConfigDocument,
): Config {
  const mirrors = Object.entries(parsed.mirrors).map(([name, mirror]) =>
    buildMirror(name, { ...mirror, gpgkey: keys.get(name) }, parsed, document, access.get(name)),
  )
  return {
    file,
    listen: parsed.listen,
    ...(parsed.public_url === undefined ? {} : { publicUrl: parsed.public_url }),
    ...(parsed.trusted_proxies.length === 0
      ? {}
      : { trustedProxies: new TrustedProxies(parsed.trusted_proxies) }),
    dataDir: parsed.data_dir,
    workers: parsed.workers,
    syncIntervalMs: parsed.sync_interval,
    ...(tokens.size === 0 ? {} : { tokens }),
    policy: parsed.policy,
    warmWindowMs: parsed.warm_window,
    prefetch: {
      parallel: parsed.prefetch.parallel,
      ...(parsed.prefetch.throttle === undefined ? {} : { throttle: parsed.prefetch.throttle }),
    },
    retention: {
      keep: parsed.retention.keep,
      maxAgeMs: parsed.retention.max_age,
      keepUsedMs: parsed.retention.keep_used,
      graceGenerations: parsed.retention.grace,
      removedMs: parsed.retention.removed,
    },
    cache: { maxBytes: parsed.cache.max_size, memoryBytes: parsed.cache.memory },
    ...(parsed.fast_path ? {} : { fastPath: false }),
    ...(hosts.size === 0 ? {} : { hosts }),
    dashboard: { clients: parsed.dashboard.clients },
    ...(parsed.metrics.per_mirror ? {} : { metrics: { perMirror: false } }),
    mirrors: new Map(mirrors.map((mirror) => [mirror.name, mirror])),
    ...(saysNoMirrors(document.value) ? { saysNoMirrors: true } : {}),
  }
}

function buildMirror(
  name: string,
  mirror: Omit<FileMirror, 'gpgkey'> & { readonly gpgkey: readonly GpgKey[] | undefined },
  parsed: FileConfig,
  document: ConfigDocument,
  access: MirrorAccess = {},
): MirrorConfig {
  const { metalink, mirrorlist, mirrorlist_expire: expireMs } = mirror
  const kind = metalink === undefined ? 'mirrorlist' : 'metalink'
  const url = metalink ?? mirrorlist
  const built: MirrorConfig = {
    name,
    baseurls: mirror.baseurl ?? [],
    ...(url === undefined ? {} : { list: { kind, url, expireMs } }),
    ...(mirror.failovermethod === 'priority' ? {} : { failovermethod: mirror.failovermethod }),
    ...(url === undefined ? {} : { variables: joinVariables(parsed.vars, mirror.vars) }),
    fallbacks: mirror.fallback,
    ...(mirror.xml_base.length === 0 ? {} : { xmlBases: mirror.xml_base }),
    ...(mirror.extra_files === undefined ? {} : { extraFiles: mirror.extra_files }),
    policy: mirror.policy ?? parsed.policy,
    warmWindowMs: mirror.warm_window ?? parsed.warm_window,
    enabled: mirror.enabled,
    syncIntervalMs: mirror.sync_interval ?? parsed.sync_interval,
    timeoutMs: mirror.timeout,
    retries: mirror.retries,
    ...(mirror.proxy === null ? {} : { proxy: mirror.proxy }),
    ...access,
    strict: mirror.strict,
    allowOlder: mirror.allow_older,
    ...(mirror.pin === undefined ? {} : { pin: mirror.pin, ...locatePin(name, document) }),
    ...(mirror.gpgkey === undefined ? {} : { gpgKeys: mirror.gpgkey }),
    repoGpgcheck: mirror.repo_gpgcheck,
    ...(mirror.gpgcheck === undefined ? {} : { gpgcheck: mirror.gpgcheck }),
  }
  const { vars: own, gpgkey: keys, arches } = mirror
  return arches === undefined ? built : buildArches(built, arches, { all: parsed.vars, own, keys })
}

function locatePin(name: string, document: ConfigDocument): { pinLine: number; pinWhy?: string } {
  const { line, comment } = document.describePlace(['mirrors', name, 'pin'])
  return { pinLine: line, ...(comment === undefined ? {} : { pinWhy: comment }) }
}

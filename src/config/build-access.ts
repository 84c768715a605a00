import type { AccessConfig, HostConfig, IdentityOf, PaceConfig } from './access.ts'
import type { ConfigDocument, KeyPath } from './document.ts'
import { readIdentity } from './identity-files.ts'
import type { Identity } from '../model/identity.ts'
import type { FileHost, FileMirror } from './schema.ts'
import { ACCESS_DEFAULTS } from './schema-access.ts'

/** A mirror's settings of this room, as {@link MirrorConfig} has them. */
export interface MirrorAccess {
  readonly access?: AccessConfig
  readonly identity?: Identity
  readonly pace?: PaceConfig
}

/**
 * Reads what a mirror's keys of access and pace lead to; what is wrong with them becomes problems of the document.
 */
export function buildAccess(
  name: string,
  mirror: FileMirror,
  document: ConfigDocument,
  identityOf: IdentityOf | undefined,
): MirrorAccess {
  const path = ['mirrors', name]
  const { sslverify, sslcacert, sslclientcert, sslclientkey, username, password } = mirror
  const access: AccessConfig = {
    sslverify,
    ...(sslcacert === undefined ? {} : { sslcacert }),
    ...(sslclientcert === undefined ? {} : { sslclientcert }),
    ...(sslclientkey === undefined ? {} : { sslclientkey }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(mirror.bearer_token === undefined ? {} : { bearerToken: mirror.bearer_token }),
    ...(mirror.proxy_username === undefined ? {} : { proxyUsername: mirror.proxy_username }),
    ...(mirror.proxy_password === undefined ? {} : { proxyPassword: mirror.proxy_password }),
    ...buildProxyTls(mirror),
  }
  for (const [key, expected] of refuseCombinations(mirror)) document.refuseHidden([...path, key], expected)
  const { minrate, ...bounds } = buildPace(path, mirror, document)
  const isUsual = minrate === undefined || minrate === ACCESS_DEFAULTS.minrate
  const pace = isUsual ? bounds : { minrate, ...bounds }
  const withPace = Object.keys(pace).length === 0 ? {} : { pace }
  if (Object.keys(access).length === 1 && sslverify) return withPace
  const known = identityOf?.(name, access)
  const reading = known === undefined ? readIdentity(access) : { identity: known }
  if ('identity' in reading) return { access, identity: reading.identity, ...withPace }
  // The file says it relative to itself.
  for (const { key, file = '', expected } of reading.problems)
    document.refuseFile([...path, key], file === '' ? expected : `${expected}, at ${file}`)
  return withPace
}

function buildProxyTls(mirror: FileMirror): Pick<AccessConfig, 'proxyTls'> {
  const { proxy_sslcacert: ca, proxy_sslclientcert: cert, proxy_sslclientkey: key } = mirror
  const sslverify = mirror.proxy_sslverify
  if (sslverify && [ca, cert, key].every((one) => one === undefined)) return {}
  return {
    proxyTls: {
      sslverify,
      ...(ca === undefined ? {} : { sslcacert: ca }),
      ...(cert === undefined ? {} : { sslclientcert: cert }),
      ...(key === undefined ? {} : { sslclientkey: key }),
    },
  }
}

/** What a host is set to. */
export function buildHost(name: string, host: FileHost, document: ConfigDocument): HostConfig {
  return {
    ...(host.timeout === undefined ? {} : { timeoutMs: host.timeout }),
    ...(host.retries === undefined ? {} : { retries: host.retries }),
    ...buildPace(['hosts', name], host, document),
  }
}

function buildPace(path: KeyPath, keys: FileHost | FileMirror, document: ConfigDocument): PaceConfig {
  const { minrate, throttle, bandwidth = 0, max_parallel_downloads: maxParallelDownloads } = keys
  if (throttle !== undefined && 'part' in throttle && throttle.part > 0 && bandwidth === 0)
    document.refuseValue(
      [...path, 'throttle'],
      'bytes a second, or a bandwidth beside it that it is a part of',
    )
  const rate =
    throttle === undefined ? 0 : 'part' in throttle ? Math.floor(throttle.part * bandwidth) : throttle.bytes
  const least = minrate ?? ACCESS_DEFAULTS.minrate
  if (rate > 0 && rate < least)
    document.refuseValue(
      [...path, 'throttle'],
      `at least the minrate, ${least} bytes a second, or 0 for none`,
    )
  return {
    ...(minrate === undefined ? {} : { minrate }),
    ...(rate === 0 ? {} : { throttle: rate }),
    ...(maxParallelDownloads === undefined ? {} : { maxParallelDownloads }),
  }
}

/** Keys that mean nothing without, or beside, another one, and what should be there. */
function* refuseCombinations(mirror: FileMirror): Iterable<readonly [key: string, expected: string]> {
  const { sslclientcert, sslclientkey, username, password, bearer_token, proxy } = mirror
  if (sslclientkey !== undefined && sslclientcert === undefined)
    yield ['sslclientkey', 'an sslclientcert beside it']
  if (password !== undefined && username === undefined) yield ['password', 'a username beside it']
  if (username !== undefined && bearer_token !== undefined)
    yield ['bearer_token', 'no username beside it: a request has one Authorization']
  const { proxy_username, proxy_password } = mirror
  if (mirror.proxy_sslclientkey !== undefined && mirror.proxy_sslclientcert === undefined)
    yield ['proxy_sslclientkey', 'a proxy_sslclientcert beside it']
  for (const key of ['proxy_sslcacert', 'proxy_sslclientcert'] as const)
    if (mirror[key] !== undefined && proxy?.startsWith('https:') !== true)
      yield [key, 'a proxy with an https URL beside it']
  if (proxy_password !== undefined && proxy_username === undefined)
    yield ['proxy_password', 'a proxy_username beside it']
  if (proxy_username !== undefined && proxy === null) yield ['proxy_username', 'a proxy beside it']
  if (proxy_username !== undefined && proxy !== null && /^[^/]*\/\/[^/]*@/.test(proxy))
    yield ['proxy_username', 'no credentials in the URL of proxy beside it']
}

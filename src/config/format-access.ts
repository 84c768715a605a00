import { formatDuration } from '../model/duration.ts'
import type { AccessConfig, HostConfig, PaceConfig, Secret } from './access.ts'
import { escapeEnvironment } from './environment.ts'
import { formatRate } from './rate.ts'
import { ACCESS_DEFAULTS } from './schema-access.ts'

/** What a mirror shows upstream, in the words of the file; of secrets only where they are read from. */
export function describeAccess(access: AccessConfig | undefined): Record<string, unknown> {
  const { sslcacert, sslclientcert, sslclientkey, username, proxyUsername } = access ?? {}
  return {
    sslverify: access?.sslverify ?? ACCESS_DEFAULTS.sslverify,
    ...describeText('sslcacert', sslcacert),
    ...describeText('sslclientcert', sslclientcert),
    ...describeText('sslclientkey', sslclientkey),
    ...describeText('username', username),
    ...describeSecret('password', access?.password),
    ...describeSecret('bearer_token', access?.bearerToken),
    ...describeText('proxy_username', proxyUsername),
    ...describeSecret('proxy_password', access?.proxyPassword),
    ...(access?.proxyTls === undefined ? {} : { proxy_sslverify: access.proxyTls.sslverify }),
    ...describeText('proxy_sslcacert', access?.proxyTls?.sslcacert),
    ...describeText('proxy_sslclientcert', access?.proxyTls?.sslclientcert),
    ...describeText('proxy_sslclientkey', access?.proxyTls?.sslclientkey),
  }
}

/** How much a mirror may take, in the words of the file. */
export function describePace(pace: PaceConfig = {}): Record<string, unknown> {
  return {
    minrate: formatRate(pace.minrate ?? ACCESS_DEFAULTS.minrate),
    throttle: formatRate(pace.throttle ?? ACCESS_DEFAULTS.throttle),
    ...describeParallel(pace),
  }
}

/** What is set of hosts, in the words of the file. */
export function describeHosts(hosts: ReadonlyMap<string, HostConfig>): Map<string, unknown> {
  return new Map([...hosts].map(([name, host]) => [name, describeHost(host)]))
}

function describeHost({
  timeoutMs,
  retries,
  minrate,
  throttle,
  ...host
}: HostConfig): Record<string, unknown> {
  return {
    ...(timeoutMs === undefined ? {} : { timeout: formatDuration(timeoutMs) }),
    ...(retries === undefined ? {} : { retries }),
    ...(minrate === undefined ? {} : { minrate: formatRate(minrate) }),
    ...(throttle === undefined ? {} : { throttle: formatRate(throttle) }),
    ...describeParallel(host),
  }
}

function describeParallel({ maxParallelDownloads }: PaceConfig): Record<string, unknown> {
  return maxParallelDownloads === undefined ? {} : { max_parallel_downloads: maxParallelDownloads }
}

function describeText(key: string, text: string | undefined): Record<string, unknown> {
  return text === undefined ? {} : { [key]: escapeEnvironment(text) }
}

function describeSecret(key: string, secret: Secret | undefined): Record<string, unknown> {
  if (secret === undefined) return {}
  return { [key]: 'file' in secret ? { file: escapeEnvironment(secret.file) } : '***' }
}

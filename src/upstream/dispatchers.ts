import type { Agent, buildConnector, Dispatcher } from 'undici'

import { splitCredentials, toBasic } from './credentials.ts'
import type { DispatcherOptions } from './dispatcher-options.ts'
import { PlainSender } from './plain/plain-sender.ts'
import { DispatcherSender, type Sender } from './sender.ts'
import { createSocksConnector } from './socks-connector.ts'
import { sharingReads } from './shared-socket.ts'
import { loadUndici } from './undici-parts.ts'

/** Windows of h2, in bytes: over a line of 100 ms a transfer gets 20 MB/s, and one that nobody reads holds no more. */
const H2_OPTIONS = { settings: { initialWindowSize: 2 << 20 }, connectionWindowSize: 16 << 20 }

/** What sends requests to hosts, by h2 where TLS finds that the server has it, by http/1.1 elsewhere. */
export function createSender(options: DispatcherOptions): Sender {
  const { memory, proxy } = options
  const isHttpProxy = proxy !== undefined && !isSocks(proxy)
  const other = new DispatcherSender(isHttpProxy ? createProxyAgent(options, proxy) : createAgent(options))
  return isHttpProxy || memory === undefined
    ? other
    : new PlainSender({ connect: createConnector(options), memory, other })
}

function createAgent(options: DispatcherOptions): Dispatcher {
  const { memory, proxy } = options
  const { Agent } = loadUndici()
  const connect = createConnector(options)
  return new Agent({
    ...toCommon(options),
    connect: memory === undefined || proxy !== undefined ? connect : sharingReads(connect, memory),
  })
}

function createProxyAgent(options: DispatcherOptions, proxy: string): Dispatcher {
  const { timeoutMs, tls } = options
  const { ProxyAgent } = loadUndici()
  // A proxy resolves names itself, and has to know where it may lead.
  const { url, authorization: own } = splitCredentials(proxy)
  const authorization = own ?? (options.proxyLogin && toBasic(options.proxyLogin))
  return new ProxyAgent({
    ...toCommon(options),
    uri: url,
    connectTimeout: timeoutMs,
    requestTls: tls,
    // Of its kinds of CONNECT the old one alone is everywhere.
    proxyTls: { lookup: options.resolveOwn, allowH2: false, ...options.proxyTls },
    ...(authorization === undefined ? {} : { token: authorization }),
  })
}

function isSocks(proxy: string): boolean {
  return /^socks5h?:/.test(proxy)
}

function toCommon(options: DispatcherOptions) {
  return { allowH2: true, h2Options: H2_OPTIONS, factory: createFactory(options) }
}

function createConnector(options: DispatcherOptions): buildConnector.connector {
  const { timeoutMs, lookup, tls, proxy } = options
  if (proxy !== undefined) return createSocksConnector({ ...options, proxy })
  return loadUndici().buildConnector({ timeout: timeoutMs, lookup, allowH2: true, ...tls })
}

function createFactory({ limitOf }: DispatcherOptions): NonNullable<Agent.Options['factory']> {
  const { Pool } = loadUndici()
  return (origin, options) =>
    // ProxyAgent builds those of plain http without a limit.
    new Pool(origin, Object.assign({}, options, { connections: limitOf(new URL(origin).host) }))
}

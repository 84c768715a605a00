import type { Agent, buildConnector, Dispatcher } from 'undici'

import { splitCredentials, toBasic } from './credentials.ts'
import type { DispatcherOptions } from './dispatcher-options.ts'
import { createSocksConnector } from './socks-connector.ts'
import { sharingReads } from './shared-socket.ts'
import { loadUndici } from './undici-parts.ts'

/** Windows of h2, in bytes: over a line of 100 ms a transfer gets 20 MB/s, and one that nobody reads holds no more. */
const H2_OPTIONS = { settings: { initialWindowSize: 2 << 20 }, connectionWindowSize: 16 << 20 }

/** What sends requests to hosts, by h2 where TLS finds that the server has it, by http/1.1 elsewhere. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { timeoutMs, tls, proxy } = options
  const { Agent, ProxyAgent } = loadUndici()
  const common = { allowH2: true, h2Options: H2_OPTIONS, factory: createFactory(options) }
  if (proxy === undefined) return new Agent({ ...common, connect: createConnector(options) })
  if (/^socks5h?:/.test(proxy))
    return new Agent({ ...common, connect: createSocksConnector({ ...options, proxy }) })
  // A proxy resolves names itself, and has to know where it may lead.
  const { url, authorization: own } = splitCredentials(proxy)
  const authorization = own ?? (options.proxyLogin && toBasic(options.proxyLogin))
  return new ProxyAgent({
    ...common,
    uri: url,
    connectTimeout: timeoutMs,
    requestTls: tls,
    // Of its kinds of CONNECT the old one alone is everywhere.
    proxyTls: { lookup: options.resolveOwn, allowH2: false, ...options.proxyTls },
    ...(authorization === undefined ? {} : { token: authorization }),
  })
}

function createConnector({ timeoutMs, lookup, tls, memory }: DispatcherOptions): buildConnector.connector {
  const connect = loadUndici().buildConnector({ timeout: timeoutMs, lookup, allowH2: true, ...tls })
  return memory === undefined ? connect : sharingReads(connect, memory)
}

function createFactory({ limitOf }: DispatcherOptions): NonNullable<Agent.Options['factory']> {
  const { Pool } = loadUndici()
  return (origin, options) =>
    // ProxyAgent builds those of plain http without a limit.
    new Pool(origin, Object.assign({}, options, { connections: limitOf(new URL(origin).host) }))
}

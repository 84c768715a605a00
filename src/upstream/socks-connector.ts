import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net'
import type { buildConnector as Connectors } from 'undici'

import type { Login } from '../model/identity.ts'
import type { DispatcherOptions } from './dispatcher-options.ts'
import { splitLogin } from './credentials.ts'
import { connectBySocks, type SocksTarget } from './socks5.ts'
import { loadUndici } from './undici-parts.ts'

type SocksOptions = DispatcherOptions & { readonly proxy: string }

/** RFC 1928, section 3. */
const SOCKS_PORT = 1080
/** Addresses of one name that are tried. */
const MAX_ADDRESSES = 3

/**
 * What connects undici's pools through a SOCKS 5 proxy, as curl has it: with `socks5:` names are resolved here, so that where they lead to is
 * judged as without a proxy; with `socks5h:` the proxy resolves them.
 */
export function createSocksConnector(options: SocksOptions): Connectors.connector {
  const { timeoutMs, tls } = options
  const secure = loadUndici().buildConnector({ allowH2: true, timeout: timeoutMs, ...tls })
  return (request, callback) => void connectFor(request, options, secure, callback)
}

async function connectFor(
  request: Connectors.Options,
  options: SocksOptions,
  secure: Connectors.connector,
  callback: Connectors.Callback,
): Promise<void> {
  const { hostname, protocol } = request
  const target = { host: hostname, port: Number(request.port) || (protocol === 'https:' ? 443 : 80) }
  let httpSocket: Socket
  try {
    httpSocket = await connectInTime(target, options)
  } catch (error) {
    callback(error as Error, null)
    return
  }
  if (protocol === 'https:') secure({ ...request, httpSocket }, callback)
  else callback(null, httpSocket)
}

async function connectInTime(target: SocksTarget, options: SocksOptions): Promise<Socket> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), options.timeoutMs)
  try {
    return await connectToTarget(target, options, late.signal)
  } catch (error) {
    if (!late.signal.aborted) throw error
    const { ConnectTimeoutError } = loadUndici().errors
    throw new ConnectTimeoutError(`the SOCKS proxy did not connect within ${options.timeoutMs} ms`)
  } finally {
    clearTimeout(timer)
  }
}

async function connectToTarget(
  target: SocksTarget,
  { proxy, lookup, resolveOwn, proxyLogin }: SocksOptions,
  signal: AbortSignal,
): Promise<Socket> {
  const url = new URL(proxy)
  const login = splitLogin(proxy) ?? proxyLogin
  const isOurs = url.protocol === 'socks5:' && isIP(target.host) === 0
  const hosts = isOurs ? await resolve(target.host, lookup) : [target.host]
  let failure: unknown
  for (const host of hosts.slice(0, MAX_ADDRESSES)) {
    try {
      return await connectOnce(url, { host, port: target.port }, { resolveOwn, login, signal })
    } catch (error) {
      failure ??= error
      signal.throwIfAborted()
    }
  }
  throw failure
}

async function connectOnce(
  { hostname, port }: URL,
  target: SocksTarget,
  how: {
    readonly resolveOwn: LookupFunction
    readonly login: Login | undefined
    readonly signal: AbortSignal
  },
): Promise<Socket> {
  const { resolveOwn, login, signal } = how
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connectTcp({ host, port: Number(port) || SOCKS_PORT, lookup: resolveOwn, noDelay: true })
  const end = () => socket.destroy(signal.reason as Error)
  signal.addEventListener('abort', end, { once: true })
  try {
    await connectBySocks(socket, target, login)
    return socket
  } catch (error) {
    socket.on('error', () => undefined).destroy()
    throw error
  } finally {
    signal.removeEventListener('abort', end)
  }
}

/** The addresses of a name that may be asked. Rejects as the lookup does. */
async function resolve(hostname: string, lookup: LookupFunction): Promise<readonly string[]> {
  const { promise, resolve: give, reject } = Promise.withResolvers<readonly string[]>()
  lookup(hostname, { all: true }, (error, found) => {
    if (error) reject(error)
    else give(typeof found === 'string' ? [found] : found.map(({ address }) => address))
  })
  return await promise
}

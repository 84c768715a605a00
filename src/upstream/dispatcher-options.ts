import type { LookupFunction } from 'node:net'
import type { SecureContext } from 'node:tls'

import type { Login } from '../model/identity.ts'

/** How hosts are connected to. */
export interface DispatcherOptions {
  /** For a connection to be made, in milliseconds. */
  readonly timeoutMs: number
  /** Resolves what is connected to, and judges it. */
  readonly lookup: LookupFunction
  /** Resolves what the configuration names. */
  readonly resolveOwn: LookupFunction
  /** Connections that a host may be given. */
  readonly limitOf: (host: string) => number
  readonly tls: TlsOptions
  /** What connections read into, one after the other; each into its own unless told. */
  readonly memory?: Buffer
  /** `http(s)` or `socks5(h)` URL. */
  readonly proxy?: string
  readonly proxyLogin?: Login
  /** How an https proxy is spoken to; as Node does unless told. */
  readonly proxyTls?: TlsOptions
}

/** How servers are spoken to by TLS. */
export interface TlsOptions {
  /** Whether a server's certificate has to be right. */
  readonly rejectUnauthorized: boolean
  /** Authorities, and what is shown; absent: Node's, and nothing. */
  readonly secureContext?: SecureContext
}

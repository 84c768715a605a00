import type { Identity } from '../model/identity.ts'

/** A secret that stands in the configuration, by way of the environment rather, or in a file of its own. */
export type Secret =
  | { readonly text: string }
  | {
      /** Absolute path. */
      readonly file: string
    }

/** How a mirror makes itself known to its upstream, and whom it trusts there; names are yum's. Paths are absolute. */
export interface AccessConfig {
  readonly sslverify: boolean
  /** A file or directory of PEM authorities. */
  readonly sslcacert?: string
  readonly sslclientcert?: string
  /** Absent: the key is in the file of the certificate. */
  readonly sslclientkey?: string
  readonly username?: string
  readonly password?: Secret
  readonly bearerToken?: Secret
  readonly proxyUsername?: string
  readonly proxyPassword?: Secret
  /** How an https proxy is spoken to; absent: its certificate has to be right by Node's authorities, and it is shown none. */
  readonly proxyTls?: ProxyTlsConfig
}

/** The same keys for an https proxy, with `proxy_` before them in the file. */
export interface ProxyTlsConfig {
  readonly sslverify: boolean
  readonly sslcacert?: string
  readonly sslclientcert?: string
  readonly sslclientkey?: string
}

/** How much and how fast a mirror, or everybody together at one host, may take. Absent: no bound but the general ones. */
export interface PaceConfig {
  /** Bytes a second below which a transfer is given up; 0 is never. */
  readonly minrate?: number
  /** Bytes a second. */
  readonly throttle?: number
  readonly maxParallelDownloads?: number
}

/** What is set for one host, for all mirrors that have a source there. */
export interface HostConfig extends PaceConfig {
  /** In place of the mirrors'. */
  readonly timeoutMs?: number
  readonly retries?: number
}

/** What a mirror is known to show of itself, so that its files of certificates, keys and passwords are left alone; undefined to read them. */
export type IdentityOf = (mirror: string, access: AccessConfig) => Identity | undefined

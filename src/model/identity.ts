import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'

/** A user and a password. */
export interface Login {
  readonly username: string
  readonly password: string
}

/** What a mirror shows of itself to its upstream, and whom it takes for it. All of it but the flag and the authorities is secret. */
export interface Identity {
  /** Whether a server's certificate has to be right. */
  readonly sslverify: boolean
  /** PEM of the authorities that certificates are checked with; absent: those of Node. */
  readonly ca?: string
  /** PEM of the certificate that is shown, with those of its intermediate authorities. */
  readonly cert?: string
  /** PEM of its key; present when `cert` is. */
  readonly key?: string
  readonly login?: Login
  readonly bearerToken?: string
  readonly proxyLogin?: Login
  /** For an https proxy; absent: it has to be right by Node's authorities, and is shown nothing. */
  readonly proxyTls?: TlsIdentity
}

/** What is shown to one end of a connection, and whom it is taken for. */
export interface TlsIdentity {
  /** Whether its certificate has to be right. */
  readonly verify: boolean
  /** As in {@link Identity}. */
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** The identity of who shows nothing and trusts Node's authorities. */
export const NO_IDENTITY: Identity = { sslverify: true }

const CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g
const PRIVATE_KEY = /-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----/

/** What is wrong with PEM text that should hold certificates; undefined when each of them can be read. Quotes nothing of it. */
export function refuseCertificates(pem: string): string | undefined {
  const blocks = pem.match(CERTIFICATE) ?? []
  if (blocks.length === 0)
    return PRIVATE_KEY.test(pem) ? 'it holds a private key and no certificate' : 'it holds no certificate'
  const broken = blocks.findIndex((block) => parseCertificate(block) === undefined)
  return broken < 0 ? undefined : `its certificate ${broken + 1} cannot be read`
}

/** What is wrong with PEM text that should hold the key of a certificate; undefined when it does. Quotes nothing of either. */
export function refuseKey(key: string, cert: string): string | undefined {
  const found = PRIVATE_KEY.exec(key)
  if (found === null) return 'it holds no private key'
  if (found[1]?.includes('ENCRYPTED') === true || /^Proc-Type: 4,ENCRYPTED/m.test(key))
    return 'its key is encrypted, and there is nobody to ask for the passphrase: `openssl pkey` takes it off'
  const parsed = parseKey(key)
  if (parsed === undefined) return 'its key cannot be read'
  return firstCertificate(cert)?.checkPrivateKey(parsed) === true
    ? undefined
    : 'its key is of another certificate than sslclientcert'
}

/** When a certificate begins and ceases to be valid, in milliseconds since the epoch; undefined when it cannot be read. */
export function readValidity(cert: string): { readonly from: number; readonly to: number } | undefined {
  const parsed = firstCertificate(cert)
  return parsed && { from: parsed.validFromDate.getTime(), to: parsed.validToDate.getTime() }
}

/** A certificate that is shown comes first in its file; what follows leads to an authority (RFC 8446, section 4.4.2). */
function firstCertificate(pem: string): X509Certificate | undefined {
  return parseCertificate(pem.match(CERTIFICATE)?.[0] ?? '')
}

function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    return undefined
  }
}

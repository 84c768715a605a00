import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

import {
  refuseCertificates,
  refuseKey,
  type Identity,
  type Login,
  type TlsIdentity,
} from '../model/identity.ts'
import type { AccessConfig, ProxyTlsConfig, Secret } from './access.ts'
import { describeSmallFileFailure, readSmallFile } from './small-file.ts'

/** All authorities of a distribution are some 250 KB. */
const PEM_MAX_BYTES = 4 << 20
const SECRET_MAX_BYTES = 4096
/** Files of a directory of authorities. */
const AUTHORITIES_MAX = 1000

/** Something that is wrong with what a key of a mirror leads to. Holds nothing of what is in a file. */
export interface AccessProblem {
  /** Of the mirror, as in the configuration. */
  readonly key: string
  /** The file, where one is to blame. */
  readonly file?: string
  readonly expected: string
}

/** What a mirror shows of itself, or why that cannot be told. */
export type IdentityReading =
  { readonly identity: Identity } | { readonly problems: readonly [AccessProblem, ...AccessProblem[]] }

/** Paths of everything that is read for an identity, each once. */
export function filesOf(access: AccessConfig): readonly string[] {
  const { password, bearerToken, proxyPassword, proxyTls } = access
  const secrets = [password, bearerToken, proxyPassword].map((one) =>
    one !== undefined && 'file' in one ? one.file : undefined,
  )
  const tls = [access, proxyTls].flatMap((one) => [one?.sslcacert, one?.sslclientcert, one?.sslclientkey])
  const all = [...tls, ...secrets]
  return [...new Set(all.filter((file) => file !== undefined))]
}

/** Reads the certificates, keys and secrets of a mirror, and looks whether they fit. Never throws. */
export function readIdentity(access: AccessConfig): IdentityReading {
  const problems: AccessProblem[] = []
  const read = <T>(key: string, file: string | undefined, get: (file: string) => Read<T>): T | undefined => {
    const found = file === undefined ? undefined : attempt(() => get(file))
    if (found === undefined || 'value' in found) return found?.value
    problems.push({ key, ...(file === undefined ? {} : { file }), expected: found.expected })
    return undefined
  }
  const secret = (key: string, one: Secret | undefined, pattern: RegExp) =>
    read(key, one === undefined ? undefined : 'file' in one ? one.file : '', (file) =>
      one !== undefined && 'text' in one ? judgeSecret(one.text, pattern) : readSecret(file, pattern),
    )
  const tls = (
    prefix: '' | 'proxy_',
    { sslcacert, sslclientcert, sslclientkey }: ProxyTlsConfig,
  ): ReadTls => {
    const ca = read(`${prefix}sslcacert`, sslcacert, readAuthorities)
    const cert = read(`${prefix}sslclientcert`, sslclientcert, (file) =>
      readPem(file, CERTIFICATE, refuseCertificates),
    )
    const keyName = sslclientkey === undefined ? 'sslclientcert' : 'sslclientkey'
    const key =
      cert === undefined
        ? undefined
        : read(`${prefix}${keyName}`, sslclientkey ?? sslclientcert, (file) =>
            readPem(file, KEY, (pem) => refuseKey(pem, cert)),
          )
    return {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    }
  }
  const own = tls('', access)
  const { proxyTls } = access
  const proxy = proxyTls && { verify: proxyTls.sslverify, ...tls('proxy_', proxyTls) }
  const password = secret('password', access.password, PRINTABLE)
  const bearerToken = secret('bearer_token', access.bearerToken, TOKEN)
  const proxyPassword = secret('proxy_password', access.proxyPassword, PRINTABLE)
  const [first, ...others] = problems
  if (first !== undefined) return { problems: [first, ...others] }
  return {
    identity: {
      sslverify: access.sslverify,
      ...own,
      ...(proxy === undefined ? {} : { proxyTls: proxy }),
      ...withLogin('login', access.username, password),
      ...(bearerToken === undefined ? {} : { bearerToken }),
      ...withLogin('proxyLogin', access.proxyUsername, proxyPassword),
    },
  }
}

const CERTIFICATE = 'a PEM file that holds a certificate'
const KEY = 'a PEM file that holds the key of sslclientcert'
const AUTHORITIES = 'a PEM file of certificate authorities, or a directory of such'
const SECRET = 'a file of one line that holds nothing but the secret'

// oxlint-disable-next-line no-control-regex -- refusing control characters is the point
const PRINTABLE = /^[^\u0000-\u001f\u007f]+$/
/** What a header can hold as it is (RFC 6750, section 2.1). */
const TOKEN = /^[\x21-\x7e]+$/

/** Of {@link TlsIdentity}, what is read from files. */
type ReadTls = Omit<TlsIdentity, 'verify'>

type Read<T> = { readonly value: T } | { readonly expected: string }

function withLogin<Key extends string>(
  key: Key,
  username: string | undefined,
  password = '',
): { readonly [name in Key]?: Login } {
  return username === undefined ? {} : ({ [key]: { username, password } } as { [name in Key]: Login })
}

function attempt<T>(get: () => Read<T>): Read<T> {
  try {
    return get()
  } catch (thrown) {
    return { expected: `a file that can be read (${describeSmallFileFailure(thrown)})` }
  }
}

function readAuthorities(path: string): Read<string> {
  if (!statSync(path).isDirectory()) return readPem(path, AUTHORITIES, refuseCertificates)
  const files = readdirSync(path)
    .toSorted()
    .map((name) => join(path, name))
  if (files.length > AUTHORITIES_MAX)
    return { expected: `${AUTHORITIES}, of at most ${AUTHORITIES_MAX} files` }
  const texts = files
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true)
    .map((file) => readSmallFile(file, PEM_MAX_BYTES)?.toString('latin1') ?? '')
    .filter((text) => refuseCertificates(text) === undefined)
  return texts.length > 0
    ? { value: texts.join('\n') }
    : { expected: `${AUTHORITIES} (none of its files holds one)` }
}

function readPem(file: string, expected: string, refuse: (pem: string) => string | undefined): Read<string> {
  const bytes = readSmallFile(file, PEM_MAX_BYTES)
  if (bytes === undefined) return { expected: `${expected} (it is larger than ${PEM_MAX_BYTES} bytes)` }
  const pem = bytes.toString('latin1')
  const reason = refuse(pem)
  return reason === undefined ? { value: pem } : { expected: `${expected} (${reason})` }
}

function readSecret(file: string, pattern: RegExp): Read<string> {
  const bytes = readSmallFile(file, SECRET_MAX_BYTES)
  if (bytes === undefined) return { expected: `${SECRET} (it is larger than ${SECRET_MAX_BYTES} bytes)` }
  return judgeSecret(bytes.toString('utf8').replace(/\r?\n$/, ''), pattern)
}

function judgeSecret(text: string, pattern: RegExp): Read<string> {
  if (text === '') return { expected: `${SECRET} (it is empty)` }
  return pattern.test(text)
    ? { value: text }
    : { expected: `${SECRET} (it holds line breaks, or characters that cannot be sent)` }
}

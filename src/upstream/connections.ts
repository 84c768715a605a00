import { hash } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import { createSecureContext, getCACertificates } from 'node:tls'

import { PinyonError } from '../model/errors.ts'
import type { Identity } from '../model/identity.ts'
import { wider, type Reach } from '../model/reach.ts'
import type { Pieces } from '../system/pieces.ts'
import type { AddressGuardOptions } from './address-guard.ts'
import { toBasic } from './credentials.ts'
import type { TlsOptions } from './dispatcher-options.ts'
import { createSender } from './dispatchers.ts'
import { LiveIdentity } from './live-identity.ts'
import { Network, type HostSettings, type Lease, type Pace } from './network.ts'
import type { HostRest } from './rests.ts'
import type { Sender } from './sender.ts'
import { Slots } from './slots.ts'
import type { Throttle } from './throttle.ts'

/** How a mirror's hosts are connected to. */
export interface ConnectionOptions extends AddressGuardOptions {
  /** Whose hosts are asked wherever they are. */
  readonly baseurls: readonly string[]
  /** URLs whose origins alone are shown the identity; those of {@link baseurls} unless told. Others are also checked with Node's authorities. */
  readonly knownTo?: readonly string[]
  /** For a connection to be made, in milliseconds. */
  readonly timeoutMs: number
  /** URL of an HTTP or SOCKS proxy. */
  readonly proxy?: string
  /** Nothing is shown, and certificates are checked, unless told. */
  readonly identity?: LiveIdentity
  /** Of this mirror, beside those of hosts. */
  readonly pace?: Pace
  /** What is shared with other mirrors; a network of its own unless told. */
  readonly network?: Network
}

/** The connections of one mirror, kept apart by how far in the network they may lead, and by whether they show who asks. */
export class Connections {
  readonly #options: ConnectionOptions
  readonly #network: Network
  readonly #live: LiveIdentity
  readonly #origins: ReadonlySet<string>
  readonly #knownTo: ReadonlySet<string>
  readonly #slots: Slots
  readonly #throttle: Throttle | undefined
  /** By what they may do: those of the present identity. */
  readonly #leases = new Map<string, Lease>()
  #identity: Identity | undefined

  /** Does no I/O. */
  constructor(options: ConnectionOptions) {
    const { baseurls, pace = {}, network = new Network(options) } = options
    this.#options = options
    this.#network = network
    this.#live = options.identity ?? new LiveIdentity()
    this.#origins = toOrigins(baseurls)
    this.#knownTo = toOrigins(options.knownTo ?? baseurls)
    this.#slots = new Slots(() => pace.maxParallelDownloads ?? Infinity)
    this.#throttle = pace.throttle === undefined ? undefined : network.createThrottle(() => pace.throttle)
  }

  /** What bodies are read into. */
  get pieces(): Pieces {
    return this.#network.pieces
  }

  /** What is wrong with what this mirror shows of itself; undefined when nothing is. */
  get identityProblem(): string | undefined {
    return this.#live.problem
  }

  /**
   * What a request is sent through.
   * @param from how far in the network those may lead who named the URL; undefined when the configuration did
   * @throws PinyonError UPSTREAM_REFUSED for an address that they may not lead to
   */
  to(target: URL, from: Reach | undefined): Sender {
    const { guard } = this.#network
    const isKnown = this.#knownTo.has(target.origin)
    if (from === undefined || this.#origins.has(target.origin))
      return this.#lease('own', isKnown, guard.resolveOwn)
    guard.refuseAddress(target.hostname, from)
    return this.#lease(from, isKnown, guard.resolverFor(from))
  }

  /** How far in the network an answer may lead: no further than where it, and all those before it, came from. */
  reachAfter(answered: URL, from: Reach | undefined): Reach {
    const reach = this.#network.guard.reachOfHost(answered.hostname)
    return from === undefined ? reach : wider(from, reach)
  }

  /** The Authorization of requests for a URL, unless it has its own; undefined where nothing is shown. */
  authorizationFor(url: URL): string | undefined {
    if (!this.#knownTo.has(url.origin)) return undefined
    const { login, bearerToken } = this.#live.current
    return bearerToken === undefined ? login && toBasic(login) : `Bearer ${bearerToken}`
  }

  /** Whether a certificate is shown to a URL's server that asks for one. */
  hasCertificateFor(url: URL): boolean {
    return this.#knownTo.has(url.origin) && this.#live.current.cert !== undefined
  }

  /** Waits until one more transfer from a URL's host may begin; resolves with what says that it has ended. Rejects with the signal's reason. */
  async enter(target: URL, signal: AbortSignal): Promise<() => void> {
    const leave = await this.#slots.enter(signal)
    try {
      const leaveHost = await this.#network.enter(target.host, signal)
      return () => {
        leaveHost()
        leave()
      }
    } catch (error) {
      leave()
      throw error
    }
  }

  /** What is set for a host; nothing where that is empty, as of a file. */
  settingsOf(host: string): HostSettings {
    return this.#network.settingsOf(host)
  }

  /** Until when a host wants to be left alone: all mirrors know. */
  restOf(host: string): HostRest {
    return this.#network.rests.of(host)
  }

  /** Resolves when so many bytes of a host may go on; undefined where they may at once. Rejects with the signal's reason. */
  pass(host: string, bytes: number, signal: AbortSignal | undefined): Promise<void> | undefined {
    if (host === '') return undefined
    const throttles = [this.#throttle, this.#network.throttleOf(host)].filter((one) => one !== undefined)
    return throttles.length === 0 ? undefined : passAll(throttles, bytes, signal)
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    await this.#releaseAll(false)
  }

  async #releaseAll(isGraceful: boolean): Promise<void> {
    const leases = [...this.#leases.values()]
    this.#leases.clear()
    await Promise.all(leases.map((lease) => lease.release(isGraceful)))
  }

  #lease(reach: Reach | 'own', isKnown: boolean, lookup: LookupFunction): Sender {
    const identity = this.#live.current
    if (this.#identity !== identity) {
      // Running transfers end by themselves.
      void this.#releaseAll(true).catch(() => undefined)
      this.#identity = identity
    }
    const key = `${reach} ${isKnown}`
    const known = this.#leases.get(key)
    if (known !== undefined) return known.sender
    const lease = this.#createLease(key, isKnown, lookup, identity)
    this.#leases.set(key, lease)
    return lease.sender
  }

  #createLease(key: string, isKnown: boolean, lookup: LookupFunction, identity: Identity): Lease {
    const { timeoutMs, proxy, knownTo } = this.#options
    const { sslverify, ca, cert, key: certKey, proxyLogin, proxyTls } = identity
    const shown = isKnown && cert !== undefined && certKey !== undefined ? { cert, key: certKey } : {}
    const alsoNodes = !isKnown && knownTo !== undefined
    // What makes two mirrors connect alike; a hash, so that no secret is a name.
    const facts = [key, timeoutMs, proxy, sslverify, ca, shown, alsoNodes, proxyLogin, proxyTls]
    const network = this.#network
    return network.lease(hash('sha256', JSON.stringify(facts)), () =>
      createSender({
        timeoutMs,
        lookup,
        resolveOwn: network.guard.resolveOwn,
        memory: network.memory,
        limitOf: (host) => network.limitOf(host),
        tls: createTlsOptions(sslverify, { ca, alsoNodes, ...shown }),
        ...(proxy === undefined ? {} : { proxy }),
        ...(proxyLogin === undefined ? {} : { proxyLogin }),
        ...(proxyTls === undefined ? {} : { proxyTls: createTlsOptions(proxyTls.verify, proxyTls) }),
      }),
    )
  }
}

async function passAll(
  throttles: readonly Throttle[],
  bytes: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const throttle of throttles) await throttle.pass(bytes, () => false, signal)
}

function createTlsOptions(
  rejectUnauthorized: boolean,
  pem: {
    readonly ca?: string | undefined
    /** Whether those of Node count as well. */
    readonly alsoNodes?: boolean
    readonly cert?: string
    readonly key?: string
  },
): TlsOptions {
  const { ca, alsoNodes = false, cert, key } = pem
  if (ca === undefined && cert === undefined) return { rejectUnauthorized }
  const authorities = ca === undefined ? {} : { ca: alsoNodes ? [...getCACertificates(), ca] : ca }
  const shown = cert === undefined || key === undefined ? {} : { cert, key }
  try {
    // Once for all connections: each would else read its authorities anew.
    return { rejectUnauthorized, secureContext: createSecureContext({ ...authorities, ...shown }) }
  } catch (error) {
    const reason = (error as Error).message
    throw new PinyonError('UPSTREAM_UNREACHABLE', `the mirror's certificates cannot be used: ${reason}`, {
      cause: error,
    })
  }
}

function toOrigins(urls: readonly string[]): ReadonlySet<string> {
  return new Set(urls.flatMap((url) => URL.parse(url)?.origin ?? []))
}

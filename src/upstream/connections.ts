import { Agent, Pool, ProxyAgent, type Dispatcher } from 'undici'

import { wider, type Reach } from '../model/reach.ts'
import { AddressGuard, type AddressGuardOptions } from './address-guard.ts'
import { splitCredentials } from './credentials.ts'

/** How a mirror's hosts are connected to. */
export interface ConnectionOptions extends AddressGuardOptions {
  /** Whose hosts are asked wherever they are. */
  readonly baseurls: readonly string[]
  /** For a connection to be made, in milliseconds. */
  readonly timeoutMs: number
  /** URL of an HTTP proxy. */
  readonly proxy?: string
}

/** Connections to one host. More than dnf's own maximum of 20 parallel downloads help nobody. */
const CONNECTIONS_PER_HOST = 20

/** The connections of one mirror, kept apart by how far in the network they may lead. */
export class Connections {
  readonly #options: ConnectionOptions
  readonly #guard: AddressGuard
  readonly #origins: ReadonlySet<string>
  readonly #own: Dispatcher
  readonly #elsewhere = new Map<Reach, Dispatcher>()

  /** Does no I/O. */
  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#guard = new AddressGuard(options)
    this.#origins = new Set(options.baseurls.flatMap((baseurl) => URL.parse(baseurl)?.origin ?? []))
    this.#own = this.#create(this.#guard.resolveOwn)
  }

  /**
   * What a request is sent through.
   * @param from how far in the network those may lead who named the URL; undefined when the configuration did
   * @throws PinyonError UPSTREAM_REFUSED for an address that they may not lead to
   */
  to(target: URL, from: Reach | undefined): Dispatcher {
    if (from === undefined || this.#origins.has(target.origin)) return this.#own
    this.#guard.refuseAddress(target.hostname, from)
    const known = this.#elsewhere.get(from)
    if (known !== undefined) return known
    const created = this.#create(this.#guard.resolverFor(from))
    this.#elsewhere.set(from, created)
    return created
  }

  /** How far in the network an answer may lead: no further than where it, and all those before it, came from. */
  reachAfter(answered: URL, from: Reach | undefined): Reach {
    const reach = this.#guard.reachOfHost(answered.hostname)
    return from === undefined ? reach : wider(from, reach)
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    await Promise.all([this.#own, ...this.#elsewhere.values()].map((dispatcher) => dispatcher.destroy()))
  }

  #create(lookup: AddressGuard['resolveOwn']): Dispatcher {
    const { timeoutMs, proxy } = this.#options
    const common = { connections: CONNECTIONS_PER_HOST }
    if (proxy === undefined) return new Agent({ ...common, connect: { timeout: timeoutMs, lookup } })
    // A proxy resolves names itself, and has to know where it may lead.
    const { url, authorization } = splitCredentials(proxy)
    return new ProxyAgent({
      ...common,
      uri: url,
      connectTimeout: timeoutMs,
      // What it builds for plain http would have no limit.
      factory: (origin, options) => new Pool(origin, Object.assign({}, options, common)),
      ...(authorization === undefined ? {} : { token: authorization }),
    })
  }
}

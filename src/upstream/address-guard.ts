import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'

import { PinyonError } from '../model/errors.ts'
import { mayLeadTo, reachOfAddress, wider, type Reach } from '../model/reach.ts'

/** How names are resolved and addresses judged; the system's resolver and the rules of model/reach.ts unless told. */
export interface AddressGuardOptions {
  readonly lookup?: LookupFunction
  readonly reachOf?: (address: string) => Reach
}

/**
 * Keeps redirects of a public upstream out of private networks. Names are judged by the addresses that the connection is then made to:
 * what a name resolves to in the next moment helps nobody. What the configuration names is asked wherever it is, but for names of
 * link-local addresses, behind which clouds keep secrets.
 */
export class AddressGuard {
  readonly #lookup: LookupFunction
  readonly #reachOf: (address: string) => Reach
  /** The widest reach that a name was ever seen to have: one who answers from anywhere is not of our network. */
  readonly #seen = new Map<string, Reach>()

  constructor(options: AddressGuardOptions = {}) {
    this.#lookup = options.lookup ?? systemLookup
    this.#reachOf = options.reachOf ?? reachOfAddress
  }

  /** Resolves what the configuration names. */
  readonly resolveOwn: LookupFunction = (hostname, options, callback) => {
    this.#resolve(hostname, options, callback, (reach) => reach !== 'link-local' && reach !== 'never')
  }

  /** A resolver of names that somebody of this reach has led to. */
  resolverFor(from: Reach): LookupFunction {
    return (hostname, options, callback) =>
      this.#resolve(hostname, options, callback, (reach) => mayLeadTo(from, reach))
  }

  /** The reach of a URL's host: that of its address, or the widest that its name was resolved to; `public` when that is not known. */
  reachOfHost(hostname: string): Reach {
    const address = toAddress(hostname)
    return address === undefined ? (this.#seen.get(hostname) ?? 'public') : this.#reachOf(address)
  }

  /**
   * Refuses a URL whose host is an address further in than where it was named; names are judged when they are resolved.
   * @throws PinyonError UPSTREAM_REFUSED
   */
  refuseAddress(hostname: string, from: Reach): void {
    const address = toAddress(hostname)
    if (address !== undefined && !mayLeadTo(from, this.#reachOf(address)))
      throw refusal(hostname, this.#reachOf(address))
  }

  #resolve(
    hostname: string,
    options: Parameters<LookupFunction>[1],
    callback: Parameters<LookupFunction>[2],
    isAllowed: (reach: Reach) => boolean,
  ): void {
    this.#lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, [])
      const addresses = found as LookupAddress[]
      const allowed = addresses.filter(({ address }) => this.#judge(hostname, address, isAllowed))
      const [first] = allowed
      const [refused] = addresses
      if (first === undefined) return callback(refusal(hostname, this.#reachOf(refused?.address ?? '')), [])
      if (options.all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }

  #judge(hostname: string, address: string, isAllowed: (reach: Reach) => boolean): boolean {
    const reach = this.#reachOf(address)
    this.#seen.set(hostname, wider(this.#seen.get(hostname) ?? reach, reach))
    return isAllowed(reach)
  }
}

function refusal(hostname: string, reach: Reach): PinyonError {
  return new PinyonError(
    'UPSTREAM_REFUSED',
    `${hostname} is not asked: its address is ${reach}, and no baseurl names it`,
  )
}

/** The address that a URL's host is; undefined for a name. */
function toAddress(hostname: string): string | undefined {
  if (hostname.startsWith('[')) return hostname.slice(1, -1)
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) ? hostname : undefined
}

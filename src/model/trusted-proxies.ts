import { parseIpv6, toPlainAddress } from './network.ts'

/** Hops of a request that are looked at, and bytes of a header, from its end: nearer proxies are the ones to be believed. */
const MAX_HOPS = 32
const MAX_HEADER_LENGTH = 4_096

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/
/** What nobody has longer: IPv6 with an IPv4 address at its end. */
const MAX_ADDRESS_LENGTH = 45

/** An address, or all that share its first bits, as IPv6 (IPv4 is `::ffff:0:0/96` there). */
interface AddressRange {
  readonly groups: readonly number[]
  readonly bits: number
}

/** The headers by which proxies tell whom they ask for, each as it was sent, several lines joined by commas. */
export interface ForwardedHeaders {
  readonly forwardedFor: string | undefined
  readonly forwarded: string | undefined
}

/** Proxies that are believed when they say whom they ask for. */
export class TrustedProxies {
  /** Addresses and networks, as they are configured. */
  readonly texts: readonly string[]
  readonly #ranges: readonly AddressRange[]

  /** @param texts each one that {@link isAddressRange} */
  constructor(texts: readonly string[]) {
    this.texts = texts
    this.#ranges = texts.flatMap((text) => parseRange(text) ?? [])
  }

  /** Whether an address is one of theirs. */
  has(address: string): boolean {
    const groups = toGroups(address)
    return groups !== undefined && this.#ranges.some((range) => contains(range, groups))
  }

  /**
   * Whom a request is from: the other end of its connection; where that is trusted, the last address that is not, of those that X-Forwarded-For
   * (or Forwarded, where there is no such header) lists. What is no address is nobody's word: the proxy that passed it on is the client then.
   */
  clientOf(peer: string | undefined, { forwardedFor, forwarded }: ForwardedHeaders): string | undefined {
    if (peer === undefined || (forwardedFor ?? forwarded) === undefined || !this.has(peer)) return peer
    const hops = forwardedFor === undefined ? readForwarded(forwarded ?? '') : readForwardedFor(forwardedFor)
    let client = peer
    for (const hop of hops.slice(-MAX_HOPS).toReversed()) {
      if (hop === undefined) break
      client = hop
      if (!this.has(hop)) break
    }
    return client
  }
}

/** Whether a text is an address, or a network as `10.0.0.0/8` and `2001:db8::/32`. */
export function isAddressRange(text: string): boolean {
  return parseRange(text) !== undefined
}

function parseRange(text: string): AddressRange | undefined {
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const groups = toGroups(address)
  if (groups === undefined || address.includes('%')) return undefined
  const before = address.includes(':') ? 0 : 96
  const bits = length === undefined ? 128 : Number(length) + before
  return bits > 128 ? undefined : { groups, bits }
}

function contains({ groups, bits }: AddressRange, address: readonly number[]): boolean {
  return groups.every((group, at) => {
    const mask = (0xff_ff << (16 - Math.min(16, Math.max(0, bits - at * 16)))) & 0xff_ff
    return (group & mask) === ((address[at] ?? 0) & mask)
  })
}

function toGroups(address: string): number[] | undefined {
  const plain = toPlainAddress(address)
  if (!plain.includes(':') && !IPV4.test(plain)) return undefined
  return parseIpv6(plain.includes(':') ? plain : `::ffff:${plain}`)
}

/** @returns who was asked for, the nearest last; undefined for what is no address */
function readForwardedFor(header: string): (string | undefined)[] {
  return lastOf(header).split(',').map(parseNode)
}

/** RFC 7239: elements by commas, parameters by semicolons, `for` of them in quotes where it has a colon. */
function readForwarded(header: string): (string | undefined)[] {
  return lastOf(header)
    .split(',')
    .map((element) => {
      const value = /(?:^|;)\s*for=("?)([^";]*)\1\s*(?:;|$)/i.exec(element)?.[2]
      return value === undefined ? undefined : parseNode(value)
    })
}

/** Of a header that is too long its end. What is cut in two at its beginning is no hop. */
function lastOf(header: string): string {
  if (header.length <= MAX_HEADER_LENGTH) return header
  const end = header.slice(-MAX_HEADER_LENGTH)
  const comma = end.indexOf(',')
  return comma < 0 ? '' : end.slice(comma + 1)
}

/** An address with or without a port, IPv6 with one in brackets. */
function parseNode(text: string): string | undefined {
  const [, bracketed, plain] =
    /^\s*(?:\[([0-9a-f:.]+)\](?::\d{1,5})?|([0-9.]+)(?::\d{1,5})?)\s*$/i.exec(text) ?? []
  const address = (bracketed ?? plain ?? text.trim()).toLowerCase()
  const isSane = address.length <= MAX_ADDRESS_LENGTH && /^[0-9a-f:.]+$/.test(address)
  return isSane && toGroups(address) !== undefined ? toPlainAddress(address) : undefined
}

import { parseIpv6 } from './network.ts'

/**
 * Whose network an address is of, from everybody's to one machine's alone: `private` are those of RFC 1918, RFC 4193 and RFC 6598,
 * `link-local` those of RFC 3927 and RFC 4291, where clouds keep their metadata; `never` is what is no host's address at all.
 */
export type Reach = 'public' | 'private' | 'loopback' | 'link-local' | 'never'

const ORDER: readonly Reach[] = ['public', 'private', 'loopback', 'link-local', 'never']

/** The one of two that more can reach. */
export function wider(a: Reach, b: Reach): Reach {
  return ORDER.indexOf(a) <= ORDER.indexOf(b) ? a : b
}

/** Whether an answer from an address of `from` may send us to one of `to`: never further in than where it came from. */
export function mayLeadTo(from: Reach, to: Reach): boolean {
  return to !== 'never' && wider(from, to) === to
}

/** The reach of an address, IPv4 or IPv6 without brackets, or one within the other; `never` for what is none. */
export function reachOfAddress(address: string): Reach {
  const ipv4 = /^(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}$/.exec(address)
  if (ipv4 !== null) return reachOfIpv4(Number(ipv4[1]), Number(ipv4[2]))
  const groups = parseIpv6(address)
  return groups === undefined ? 'never' : reachOfIpv6(groups)
}

function reachOfIpv4(first: number, second: number): Reach {
  if (first === 127) return 'loopback'
  if (first === 169 && second === 254) return 'link-local'
  if (first === 0 || first >= 224) return 'never'
  const isPrivate =
    first === 10 ||
    (first === 172 && second >= 16 && second < 32) ||
    (first === 192 && second === 168) ||
    (first === 100 && second >= 64 && second < 128) ||
    (first === 198 && (second === 18 || second === 19))
  return isPrivate ? 'private' : 'public'
}

function reachOfIpv6(groups: readonly number[]): Reach {
  const [first = 0, second = 0] = groups
  const zeros = groups.findIndex((group) => group !== 0)
  if (zeros === -1) return 'never'
  if (zeros === 7 && groups[7] === 1) return 'loopback'
  // IPv4 mapped and compatible, by NAT64 (RFC 6052, RFC 8215), and 6to4 (RFC 3056).
  const isMapped = zeros >= 6 || (zeros === 5 && groups[5] === 0xffff)
  const isTranslated = first === 0x64 && second === 0xff9b
  if (isMapped || isTranslated) return reachOfIpv4((groups[6] ?? 0) >> 8, (groups[6] ?? 0) & 0xff)
  if (first === 0x2002) return reachOfIpv4(second >> 8, second & 0xff)
  if ((first & 0xffc0) === 0xfe80) return 'link-local'
  if ((first & 0xff00) === 0xff00) return 'never'
  return (first & 0xfe00) === 0xfc00 || (first & 0xffc0) === 0xfec0 ? 'private' : 'public'
}

/** Groups of an IPv6 address that name its network: the rest names the machine. */
const NETWORK_GROUPS = 4

/** An IPv4 address that came in over a socket of both families (RFC 4291 §2.5.5.2) in its own form; others as they are. */
export function toPlainAddress(address: string): string {
  return /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address)?.[1] ?? address
}

/**
 * The network that an address is in, for those who need not know whose machine it is: `192.0.2.0/24`, `2001:db8:0:1::/64`. What is no
 * address (a socket of this machine has none) stays as it is.
 */
export function toNetwork(address: string): string {
  const plain = toPlainAddress(address)
  const ipv4 = /^(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/.exec(plain)
  if (ipv4 !== null) return `${ipv4[1]}.0/24`
  const groups = parseIpv6(plain)
  if (groups === undefined) return plain
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => group.toString(16))
  // The zeros that `::` stands for need not be written twice.
  while (network.at(-1) === '0') network.pop()
  return `${network.join(':')}::/64`
}

/**
 * Whom an address stands for when what one may hold is counted: an IPv4 address, or an IPv6 network, of which whoever has an address of it
 * has as many as he likes. What is no address stays as it is.
 */
export function toHolder(address: string): string {
  const plain = toPlainAddress(address)
  return parseIpv6(plain) === undefined ? plain : toNetwork(plain)
}

/** The eight groups of an IPv6 address, whose zone (`%eth0`) does not count; undefined for what is none. */
function parseIpv6(address: string): number[] | undefined {
  const [head = '', tail, ...more] = address.replace(/%.*$/s, '').split('::')
  if (more.length > 0 || !address.includes(':')) return undefined
  const before = parseGroups(head)
  const after = parseGroups(tail ?? '')
  if (before === undefined || after === undefined) return undefined
  const missing = 8 - before.length - after.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  return [...before, ...Array.from({ length: missing }, () => 0), ...after]
}

function parseGroups(text: string): number[] | undefined {
  const groups = text === '' ? [] : text.split(':')
  const last = groups.at(-1) ?? ''
  const dotted = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(last)?.slice(1).map(Number)
  if (dotted !== undefined) {
    const [a = 0, b = 0, c = 0, d = 0] = dotted
    groups.splice(-1, 1, (a * 256 + b).toString(16), (c * 256 + d).toString(16))
  }
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return groups.map((group) => Number.parseInt(group, 16))
}

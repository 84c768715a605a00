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
export function parseIpv6(address: string): number[] | undefined {
  const plain = address.replace(/%.+$/s, '')
  if (!/^[0-9a-f:.]+$/i.test(plain) || !URL.canParse(`http://[${plain}]`)) return undefined
  const [head = '', tail = ''] = plain.split('::')
  const [before, after] = [parseGroups(head), parseGroups(tail)]
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
}

/** Of one side of the `::`, where the last two groups may be an IPv4 address. */
function parseGroups(text: string): number[] {
  const hex = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.map(Number)
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
  })
  return hex === '' ? [] : hex.split(':').map((group) => Number.parseInt(group, 16))
}

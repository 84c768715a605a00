/** A client's address as people write it: an IPv4 address that came over an IPv6 socket is an IPv4 address. */
export function plainClient(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
}

/** The network a client is in, for those who need not know which one it is: `10.0.0.0/24`, `2001:db8:1:2::/64`; `unknown` for what is no address. */
export function maskClient(address: string): string {
  const plain = plainClient(address)
  const ipv4 = /^(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/.exec(plain)
  if (ipv4 !== null) return `${ipv4[1]}.0/24`
  const groups = parseIpv6(plain)?.slice(0, 4)
  if (groups === undefined) return 'unknown'
  // What is zero at the end is part of the `::`.
  while (groups.at(-1) === 0) groups.pop()
  return `${groups.map((group) => group.toString(16)).join(':')}::/64`
}

/** The eight groups of an IPv6 address (RFC 4291 §2.2), with or without a zone; undefined when it is none. */
function parseIpv6(address: string): number[] | undefined {
  const [head = '', tail, ...more] = address
    .slice(0, 100)
    .replace(/%.*$/, '')
    .replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => toGroups(bytes))
    .split('::')
  if (more.length > 0) return undefined
  const [first, last] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':')))
  if (first === undefined || last === undefined) return undefined
  const missing = 8 - first.length - last.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const texts = [...first, ...Array.from({ length: missing }, () => '0'), ...last]
  return texts.every((text) => /^[0-9a-f]{1,4}$/i.test(text))
    ? texts.map((text) => Number.parseInt(text, 16))
    : undefined
}

/** Four decimal bytes as the two groups they are short for. */
function toGroups([a, b, c, d]: readonly string[]): string {
  return `${toGroup(a, b)}:${toGroup(c, d)}`
}

function toGroup(high = '', low = ''): string {
  return (Number(high) * 256 + Number(low)).toString(16)
}

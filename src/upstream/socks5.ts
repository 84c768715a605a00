import { isIP, isIPv4, type Socket } from 'node:net'

import type { Login } from '../model/identity.ts'
import { parseIpv6 } from '../model/network.ts'

/** Where a SOCKS proxy is to connect to. */
export interface SocksTarget {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

const NO_AUTHENTICATION = 0
const USERNAME_PASSWORD = 2
const [IPV4, NAME, IPV6] = [1, 3, 4] as const
const LENGTHS = { [IPV4]: 4, [IPV6]: 16 } as const

/** What a proxy answers instead of connecting (RFC 1928, section 6). */
const REPLIES: Readonly<Record<number, string>> = {
  1: 'general failure',
  2: 'not allowed by its rules',
  3: 'network unreachable',
  4: 'host unreachable',
  5: 'connection refused',
  6: 'time to live expired',
  7: 'it knows no CONNECT',
  8: 'it knows no such address',
}

/**
 * Has the SOCKS 5 proxy at the other end of a new connection connect it to a target (RFC 1928, RFC 1929). Reads not a byte more than the
 * proxy's own; one that says more than it has to is refused. Sets no time limit: who does ends the socket.
 * @throws Error saying what the proxy did; of the login nothing
 */
export async function connectBySocks(socket: Socket, target: SocksTarget, login?: Login): Promise<void> {
  const reader = new Reader(socket)
  try {
    const methods = login === undefined ? [NO_AUTHENTICATION] : [NO_AUTHENTICATION, USERNAME_PASSWORD]
    socket.write(Buffer.from([5, methods.length, ...methods]))
    const [version, method = 0xff] = await reader.read(2)
    if (version !== 5) throw new Error(`the SOCKS proxy speaks another protocol: ${version ?? ''}`)
    if (method === USERNAME_PASSWORD && login !== undefined) await authenticate(socket, reader, login)
    else if (method !== NO_AUTHENTICATION) throw new Error(describeMethods(login))
    socket.write(formatRequest(target))
    await readReply(reader)
    if (reader.hasMore) throw new Error('the SOCKS proxy sent more than its answer')
  } finally {
    reader.close()
  }
}

/** RFC 1929. */
async function authenticate(socket: Socket, reader: Reader, { username, password }: Login): Promise<void> {
  const [name, word] = [Buffer.from(username), Buffer.from(password)]
  if (name.length > 255 || word.length > 255)
    throw new Error('a SOCKS proxy takes at most 255 bytes each of proxy_username and proxy_password')
  socket.write(Buffer.concat([Buffer.from([1, name.length]), name, Buffer.from([word.length]), word]))
  const [version, status] = await reader.read(2)
  if (version !== 1) throw new Error(`the SOCKS proxy speaks another protocol: ${version ?? ''}`)
  if (status !== 0)
    throw new Error('the SOCKS proxy wants other credentials than proxy_username and proxy_password')
}

function describeMethods(login: Login | undefined): string {
  return login === undefined
    ? 'the SOCKS proxy wants credentials: set proxy_username and proxy_password'
    : 'the SOCKS proxy takes no user name and password'
}

function formatRequest({ host, port }: SocksTarget): Buffer {
  const end = Buffer.alloc(2)
  end.writeUInt16BE(port)
  return Buffer.concat([Buffer.from([5, 1, 0]), formatAddress(host), end])
}

function formatAddress(host: string): Buffer {
  if (isIPv4(host)) return Buffer.from([IPV4, ...host.split('.').map(Number)])
  const groups = isIP(host) === 6 ? parseIpv6(host) : undefined
  if (groups !== undefined)
    return Buffer.from([IPV6, ...groups.flatMap((group) => [group >> 8, group & 0xff])])
  const name = Buffer.from(host)
  if (name.length > 255) throw new Error('a SOCKS proxy takes names of at most 255 bytes')
  return Buffer.concat([Buffer.from([NAME, name.length]), name])
}

/** The address that the proxy connects from is of no use, but has to be read. */
async function readReply(reader: Reader): Promise<void> {
  const [version, reply = 0xff, , type] = await reader.read(4)
  if (version !== 5) throw new Error(`the SOCKS proxy speaks another protocol: ${version ?? ''}`)
  if (reply !== 0) throw new Error(`the SOCKS proxy does not connect: ${REPLIES[reply] ?? `reply ${reply}`}`)
  if (type !== IPV4 && type !== NAME && type !== IPV6)
    throw new Error(`the SOCKS proxy names an address of a kind that is not known: ${type ?? ''}`)
  const length = type === NAME ? ((await reader.read(1))[0] ?? 0) : LENGTHS[type]
  await reader.read(length + 2)
}

/** Reads so many bytes at a time, and leaves the others to who comes after. */
class Reader {
  readonly #socket: Socket
  #check: () => void = () => undefined
  #error: Error | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket
      .on('readable', this.#onEvent)
      .on('end', this.#onEnd)
      .on('error', this.#onError)
      .on('close', this.#onEnd)
  }

  get hasMore(): boolean {
    return this.#socket.readableLength > 0
  }

  /** @throws Error when the connection ends before */
  async read(length: number): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    this.#check = () => {
      // Null while there are fewer; fewer once no more will come.
      const bytes = this.#socket.read(length) as Buffer | null
      if (bytes?.length === length) resolve(bytes)
      else if (bytes !== null) this.#onEnd()
      else if (this.#error !== undefined) reject(this.#error)
    }
    this.#check()
    return await promise
  }

  close(): void {
    this.#socket
      .off('readable', this.#onEvent)
      .off('end', this.#onEnd)
      .off('error', this.#onError)
      .off('close', this.#onEnd)
  }

  readonly #onEvent = (): void => this.#check()

  readonly #onEnd = (): void => this.#onError(new Error('the SOCKS proxy ended the connection'))

  readonly #onError = (error: Error): void => {
    this.#error ??= error
    this.#check()
  }
}

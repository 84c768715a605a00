import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** One answer as it came over the wire. */
export interface WireReply {
  readonly statusLine: string
  readonly status: number
  /** As sent, one header a line, names in their letter case. */
  readonly lines: readonly string[]
  /** A header's value by lower-case name; undefined when it is absent. */
  header(name: string): string | undefined
  readonly body: Buffer
}

/** A connection that speaks HTTP/1.1 by hand: requests are written as they stand, answers are read one after the other. */
export class Connection {
  readonly socket: Socket
  #bytes = Buffer.alloc(0)
  #ended = false
  #change = Promise.withResolvers<void>()

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake()
    })
    socket.on('error', () => this.#end())
    socket.on('end', () => this.#end())
    socket.on('close', () => this.#end())
  }

  /** Connects to 127.0.0.1:port, or to a Unix socket. */
  static async open(where: number | string): Promise<Connection> {
    const socket = typeof where === 'number' ? connect(where, '127.0.0.1') : connect(where)
    await once(socket, 'connect')
    return new Connection(socket)
  }

  /** Speaks on a connection that is open. */
  static over(socket: Socket): Connection {
    return new Connection(socket)
  }

  send(text: string | Buffer): void {
    this.socket.write(text)
  }

  /** Sends a request for a path; header lines as given. */
  ask(target: string, options: { method?: string; headers?: readonly string[] } = {}): void {
    const lines = [
      `${options.method ?? 'GET'} ${target} HTTP/1.1`,
      'Host: example.org',
      ...(options.headers ?? []),
    ]
    this.send(`${lines.join('\r\n')}\r\n\r\n`)
  }

  /** Asks and reads the answer. */
  async get(
    target: string,
    options: { method?: string; headers?: readonly string[] } = {},
  ): Promise<WireReply> {
    this.ask(target, options)
    return await this.reply({ noBody: options.method === 'HEAD' })
  }

  /** Reads the next answer. Rejects when the connection ends before the answer does. */
  async reply({ noBody = false } = {}): Promise<WireReply> {
    const [statusLine = '', ...lines] = (await this.#head()).split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1])
    if (Number.isNaN(status)) throw new Error(`no status line: ${statusLine}`)
    const header = (name: string) =>
      lines
        .find((line) => line.toLowerCase().startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim()
    const announced =
      header('content-length') ?? (header('connection') === 'close' ? await this.#left() : undefined)
    const length = noBody || status === 304 ? 0 : Number(announced ?? Number.NaN)
    if (Number.isNaN(length)) throw new Error(`no length: ${lines.join(', ')}`)
    await this.#until(() => this.#bytes.length >= length)
    const body = Buffer.from(this.#bytes.subarray(0, length))
    this.#bytes = this.#bytes.subarray(length)
    return { statusLine, status, lines, header, body }
  }

  /** Resolves with the bytes that were not read when the server has ended the connection. */
  async ended(): Promise<Buffer> {
    while (!this.#ended) await this.#change.promise
    return this.#bytes
  }

  /** Bytes that have come and were not read. */
  get unread(): number {
    return this.#bytes.length
  }

  /** Resolves when that many bytes are there. */
  async received(count: number): Promise<void> {
    await this.#until(() => this.#bytes.length >= count)
  }

  close(): void {
    this.socket.destroy()
  }

  /** The length of a body that the connection's end delimits. */
  async #left(): Promise<number> {
    return (await this.ended()).length
  }

  async #head(): Promise<string> {
    await this.#until(() => this.#bytes.includes('\r\n\r\n'))
    const end = this.#bytes.indexOf('\r\n\r\n')
    const head = this.#bytes.toString('latin1', 0, end)
    this.#bytes = this.#bytes.subarray(end + 4)
    return head
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#ended)
        throw new Error(
          `the connection ended after: ${JSON.stringify(this.#bytes.toString('latin1', 0, 300))}`,
        )
      await this.#change.promise
    }
  }

  #end(): void {
    this.#ended = true
    this.#wake()
  }

  #wake(): void {
    this.#change.resolve()
    this.#change = Promise.withResolvers()
  }
}

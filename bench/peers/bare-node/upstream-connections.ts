import { connect, type Socket } from 'node:net'

/** As much as node reads at once. */
const READ_BYTES = 64 << 10

/** What is told of what comes on a connection, from the request on until it is let go. */
export interface Listener {
  /** Theirs to keep: a piece of memory of its own. */
  readonly onBytes: (bytes: Buffer) => void
  /** It has ended, or failed: nothing more comes. */
  readonly onEnd: () => void
}

/** A connection to upstream, of one request at a time. */
export interface UpstreamConnection {
  /** Has it used again. */
  keep(): void
  /** Ends it, of which nobody is told. */
  end(): void
}

/** Connections to a server on a port of 127.0.0.1: what is asked goes over one that was kept, or a new one. */
export class UpstreamConnections {
  readonly #port: number
  readonly #idle: Connection[] = []

  /** @param port of upstream */
  constructor(port: number) {
    this.#port = port
  }

  /** Asks for a path. */
  ask(path: string, listener: Listener): UpstreamConnection {
    const connection = this.#idle.pop() ?? new Connection(this.#port, this.#idle)
    connection.ask(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${this.#port}\r\n\r\n`, listener)
    return connection
  }
}

class Connection implements UpstreamConnection {
  readonly #idle: Connection[]
  readonly #socket: Socket
  #listener: Listener | undefined

  constructor(port: number, idle: Connection[]) {
    this.#idle = idle
    const onread = {
      buffer: () => Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (count: number, { buffer }: Uint8Array) => {
        this.#take(Buffer.from(buffer, 0, count))
        return true
      },
    }
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread })
    // 'close' comes after it.
    this.#socket.on('error', () => undefined)
    for (const event of ['end', 'close']) this.#socket.once(event, () => this.#leave())
  }

  ask(request: string, listener: Listener): void {
    this.#listener = listener
    this.#socket.write(request)
  }

  keep(): void {
    this.#listener = undefined
    this.#idle.push(this)
  }

  end(): void {
    this.#listener = undefined
    this.#socket.destroy()
  }

  #take(bytes: Buffer): void {
    if (this.#listener === undefined) this.#socket.destroy()
    else this.#listener.onBytes(bytes)
  }

  /** By the time upstream hears that its end was seen, nothing more is asked here. */
  #leave(): void {
    const at = this.#idle.indexOf(this)
    if (at >= 0) this.#idle.splice(at, 1)
    this.#listener?.onEnd()
  }
}

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** Whose connection it is. */
export interface DetourOwner {
  /** Told when the request that was sent this way is answered. */
  onAnswered(): void
  /** Told when node:http has ended it. */
  onDetourClosed(): void
}

type Done = (error?: Error | null) => void

/**
 * What node:http has for a connection while it answers single requests of it: it reads what it is given and no more, so that the connection
 * can be taken back from it, and writes to the socket itself.
 */
export class Detour extends Duplex {
  readonly socket: Socket
  readonly #owner: DetourOwner

  constructor(socket: Socket, owner: DetourOwner) {
    super({ allowHalfOpen: true, highWaterMark: socket.writableHighWaterMark, emitClose: true })
    this.socket = socket
    this.#owner = owner
  }

  get remoteAddress(): string | undefined {
    return this.socket.remoteAddress
  }

  /** The socket's: whoever uses it tells of its end. */
  setTimeout(ms: number): this {
    this.socket.setTimeout(ms)
    return this
  }

  /** As a socket has it: ends after what is written. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  /** To be called when an answer has ended. */
  answered(): void {
    this.#owner.onAnswered()
  }

  override _read(): void {
    if (this.socket.isPaused()) this.socket.resume()
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: Done): void {
    this.socket.write(chunk, done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.socket.cork()
    for (const { chunk } of chunks.slice(0, -1)) this.socket.write(chunk)
    this.socket.write(chunks.at(-1)?.chunk ?? '', done)
    this.socket.uncork()
  }

  override _final(done: Done): void {
    this.socket.end(() => done())
  }

  override _destroy(_: Error | null, done: Done): void {
    this.#owner.onDetourClosed()
    done(null)
  }
}

/** The detour by which a request came; undefined for one whose connection is node:http's own. */
export function detourOf({ socket }: IncomingMessage): Detour | undefined {
  const connection: Duplex = socket
  return connection instanceof Detour ? connection : undefined
}

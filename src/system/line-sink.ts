import { write, writeSync } from 'node:fs'

/** Bytes of lines that may wait to be written; further ones are dropped. */
const MAX_WAITING_BYTES = 4 << 20
/** Pause before a pipe whose reader is behind is tried again, in milliseconds. */
const RETRY_MS = 50

/**
 * Writes lines to a file descriptor behind the caller's back: batched, never blocking, and never failing. Lines that cannot be taken, as on a
 * full disk or by a closed pipe, are dropped. (pino's own destination waits for ever for a full disk when its process ends.)
 */
export class LineSink {
  readonly #descriptor: number
  #waiting: string[] = []
  #waitingBytes = 0
  #busy = false

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  /** Takes a line, its newline included. */
  write(line: string): void {
    if (this.#waitingBytes + line.length > MAX_WAITING_BYTES) return
    this.#waiting.push(line)
    this.#waitingBytes += line.length
    if (this.#busy) return
    this.#busy = true
    setImmediate(() => this.#next())
  }

  /** Writes what waits, once, in the caller's own time: for a process that ends. */
  flush(): void {
    try {
      writeSync(this.#descriptor, this.#take())
    } catch {
      // Nobody can be told.
    }
  }

  #take(): Buffer {
    const bytes = Buffer.from(this.#waiting.join(''))
    this.#waiting = []
    this.#waitingBytes = 0
    return bytes
  }

  #next(): void {
    if (this.#waiting.length === 0) this.#busy = false
    else this.#put(this.#take())
  }

  #put(bytes: Buffer): void {
    write(this.#descriptor, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') setTimeout(() => this.#put(bytes), RETRY_MS).unref()
      else if (error === null && written < bytes.length) this.#put(bytes.subarray(written))
      else this.#next()
    })
  }
}

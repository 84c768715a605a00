import { write, writeSync } from 'node:fs'

/** Bytes of lines that may wait to be written; further ones are dropped. */
const MAX_WAITING_BYTES = 4 << 20
/** Pause before a pipe whose reader is behind is tried again, in milliseconds. */
const RETRY_MS = 50
/** Lines that nobody waits for are written together: so many bytes of them, or after so many milliseconds. */
const BATCH_BYTES = 128 << 10
const BATCH_MS = 50

/**
 * Writes lines to a file descriptor behind the caller's back: batched, never blocking, and never failing. Lines that cannot be taken, as on a
 * full disk or by a closed pipe, are dropped. (pino's own destination waits for ever for a full disk when its process ends.)
 */
export class LineSink {
  readonly #descriptor: number
  #waiting: string[] = []
  #waitingBytes = 0
  #busy = false
  #timer: NodeJS.Timeout | undefined

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  /** Takes a line, its newline included. */
  write(line: string): void {
    if (this.#keep(line)) this.#begin()
  }

  /** Takes a line that can wait a moment, so that many of them cost one call of the system. */
  add(line: string): void {
    if (!this.#keep(line)) return
    if (this.#waitingBytes >= BATCH_BYTES) this.#begin()
    else this.#timer ??= setTimeout(() => this.#begin(), BATCH_MS).unref()
  }

  /** Writes what waits, once, in the caller's own time: for a process that ends. */
  flush(): void {
    try {
      writeSync(this.#descriptor, this.#take())
    } catch {
      // Nobody can be told.
    }
  }

  #keep(line: string): boolean {
    if (this.#waitingBytes + line.length > MAX_WAITING_BYTES) return false
    this.#waiting.push(line)
    this.#waitingBytes += line.length
    return true
  }

  #begin(): void {
    if (this.#busy) return
    this.#busy = true
    setImmediate(() => this.#next())
  }

  #take(): Buffer {
    clearTimeout(this.#timer)
    this.#timer = undefined
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

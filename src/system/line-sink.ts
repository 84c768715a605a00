import { write, writeSync } from 'node:fs'

/** Bytes of lines that may wait to be written; further ones are dropped. */
const MAX_WAITING_BYTES = 4 << 20
/** Pause before a pipe whose reader is behind is tried again, in milliseconds. */
const RETRY_MS = 50
/** Lines that nobody waits for are written together: so many bytes of them, or after so many milliseconds. */
const BATCH_BYTES = 128 << 10
const BATCH_MS = 50
/** So many characters of them stay strings: more would be copied about by the garbage collector. */
const FEW_CHARACTERS = 8 << 10
/** The most bytes that a character takes in UTF-8. */
const CHARACTER_BYTES = 3

/**
 * Writes lines to a file descriptor behind the caller's back: batched, never blocking, and never failing. Lines that cannot be taken, as on a
 * full disk or by a closed pipe, are dropped. (pino's own destination waits for ever for a full disk when its process ends.)
 */
export class LineSink {
  readonly #descriptor: number
  readonly #edit: (line: string) => string
  #waiting: string[] = []
  #waitingBytes = 0
  #few = ''
  #batch = Buffer.alloc(0)
  #batchBytes = 0
  #busy = false
  #timer: NodeJS.Timeout | undefined

  /** @param edit what becomes of a line before it is written */
  constructor(descriptor: number, edit: (line: string) => string = (line) => line) {
    this.#descriptor = descriptor
    this.#edit = edit
  }

  /** Takes a line, its newline included. */
  write(line: string): void {
    if (this.#timer !== undefined) this.#keepBatch()
    if (this.#keep(this.#edit(line))) this.#begin()
  }

  /** Takes a line that can wait a moment, so that many of them cost one call of the system. */
  add(line: string): void {
    if (line.length > FEW_CHARACTERS) return this.write(line)
    this.#few += this.#edit(line)
    if (this.#few.length >= FEW_CHARACTERS) this.#pack()
    this.#timer ??= setTimeout(() => this.#endBatch(), BATCH_MS).unref()
  }

  /** Writes what waits, once, in the caller's own time: for a process that ends. */
  flush(): void {
    try {
      writeSync(this.#descriptor, this.#take())
    } catch {
      // Nobody can be told.
    }
  }

  /** Makes bytes of the few lines. */
  #pack(): void {
    const lines = this.#few
    this.#few = ''
    if (this.#batch.length === 0) this.#batch = Buffer.allocUnsafeSlow(2 * BATCH_BYTES)
    if (this.#batchBytes + lines.length * CHARACTER_BYTES > this.#batch.length) {
      // The disk is behind: what was packed before waits with all others, or is dropped with them.
      this.#keep(this.#batch.toString('utf8', 0, this.#batchBytes))
      this.#batchBytes = 0
    }
    this.#batchBytes += this.#batch.write(lines, this.#batchBytes)
    if (this.#batchBytes >= BATCH_BYTES) this.#begin()
  }

  /** Lines that could wait stand before one that cannot, as they came. */
  #keepBatch(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#few !== '') this.#pack()
    this.#keep(this.#batch.toString('utf8', 0, this.#batchBytes))
    this.#batchBytes = 0
  }

  #keep(line: string): boolean {
    if (this.#waitingBytes + line.length > MAX_WAITING_BYTES) return false
    this.#waiting.push(line)
    this.#waitingBytes += line.length
    return true
  }

  #endBatch(): void {
    this.#timer = undefined
    this.#begin()
  }

  #begin(): void {
    if (this.#busy) return
    this.#busy = true
    setImmediate(() => this.#next())
  }

  #take(): Buffer {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#few !== '') this.#pack()
    const lines = Buffer.from(this.#waiting.join(''))
    const bytes = Buffer.concat([lines, this.#batch.subarray(0, this.#batchBytes)])
    this.#waiting = []
    this.#waitingBytes = 0
    this.#batchBytes = 0
    return bytes
  }

  #next(): void {
    // A batch that is neither full nor late goes on growing: one write after the other would be of a few lines each.
    const isLate = this.#timer === undefined && this.#batchBytes + this.#few.length > 0
    if (this.#waiting.length > 0 || this.#batchBytes >= BATCH_BYTES || isLate) this.#put(this.#take())
    else this.#busy = false
  }

  #put(bytes: Buffer): void {
    write(this.#descriptor, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') setTimeout(() => this.#put(bytes), RETRY_MS).unref()
      else if (error === null && written < bytes.length) this.#put(bytes.subarray(written))
      else this.#next()
    })
  }
}

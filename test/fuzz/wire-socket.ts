import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** What happens without a network takes a few dozen turns of the event loop. */
const MOST_TURNS = 10_000

/** The server's end of a connection without a network: what it is sent is pushed, what it sends is kept. */
export class WireSocket extends Duplex {
  readonly remoteAddress: string
  readonly sent: Buffer[] = []
  /** Whether the other end reads nothing for now: writes do not come to their end. */
  isStalled = false
  #stalled: ((error?: Error) => void) | undefined

  constructor(remoteAddress = '127.0.0.1') {
    super()
    this.remoteAddress = remoteAddress
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    // Its buffer may be used again.
    this.sent.push(Buffer.from(chunk))
    if (this.isStalled) this.#stalled = done
    else done()
  }

  /** The other end reads again, or this is what comes of it. */
  goOn(error?: Error): void {
    this.isStalled = false
    const done = this.#stalled
    this.#stalled = undefined
    done?.(error)
  }

  setTimeout(): this {
    return this
  }

  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  /** All that was sent so far; dates are alike, and boundaries, which are random. */
  wire(): string {
    const bytes = Buffer.concat(this.sent)
      .toString('latin1')
      .replaceAll(/\r\nX-Request-Id: [0-9a-f]{12}-[^\r]+/g, '')
      .replaceAll(/(boundary=|--)[0-9a-f]{24}/g, '$1it')
    return bytes.replaceAll(/\r\nDate: [^\r]{29}\r\n/g, '\r\nDate: then\r\n')
  }
}

/** Waits turn by turn until that is so, but not for ever; asks once a turn. */
export async function turnsUntil(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < MOST_TURNS; turn += 1) {
    if (isSo()) return
    await nextTurn()
  }
  assert.fail(`it was not so after ${MOST_TURNS} turns`)
}

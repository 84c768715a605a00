import { connect } from 'node:net'

/** What a read is put into, by all connections in turn: it is looked at before the next one. */
const READ_BYTES = 256 << 10

const HEAD_END = '\r\n\r\n'

/** Longer heads are none. */
const MAX_HEAD_BYTES = 16 << 10

/**
 * Gets a file over a connection of its own, and tells whether the answer was a 200 of exactly these bytes. It takes a tenth of the
 * processor time that hashing would, so that many at once are not slowed down by their client.
 */
export function getsExactly(url: string, expected: Buffer): Promise<boolean> {
  const { hostname, port, pathname, host } = new URL(url)
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const check = new AnswerCheck(expected)
  const socket = connect({
    host: hostname,
    port: Number(port),
    onread: {
      buffer: READS,
      callback: (count, buffer) => {
        const state = check.take(Buffer.from(buffer.buffer, buffer.byteOffset, count))
        if (state === 'more') return true
        resolve(state === 'right')
        socket.destroy()
        return false
      },
    },
  })
  socket.once('error', () => resolve(false))
  socket.once('close', () => resolve(false))
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n`)
  return promise
}

const READS = Buffer.alloc(READ_BYTES)

/** Holds an answer against what it is to be, piece by piece. */
export class AnswerCheck {
  readonly #expected: Buffer
  #head = ''
  #hasHead = false
  #seen = 0

  /** @param expected the whole body */
  constructor(expected: Buffer) {
    this.#expected = expected
  }

  /** The next bytes of the connection. Once it is `right` or `wrong` there is nothing more to say. */
  take(bytes: Buffer): 'more' | 'right' | 'wrong' {
    const body = this.#hasHead ? bytes : this.#takeHead(bytes)
    if (body === undefined) return this.#head.length > MAX_HEAD_BYTES ? 'wrong' : 'more'
    if (body === 'wrong') return 'wrong'
    const end = this.#seen + body.length
    if (end > this.#expected.length || body.compare(this.#expected, this.#seen, end) !== 0) return 'wrong'
    this.#seen = end
    return end === this.#expected.length ? 'right' : 'more'
  }

  /** What is behind the head, once it is whole. */
  #takeHead(bytes: Buffer): Buffer | 'wrong' | undefined {
    const before = this.#head.length
    this.#head += bytes.toString('latin1')
    const end = this.#head.indexOf(HEAD_END)
    if (end < 0) return undefined
    const head = this.#head.slice(0, end)
    const length = /^content-length: *(\d+) *$/im.exec(head)?.[1]
    if (!head.startsWith('HTTP/1.1 200 ') || Number(length) !== this.#expected.length) return 'wrong'
    this.#hasHead = true
    return bytes.subarray(end + HEAD_END.length - before)
  }
}

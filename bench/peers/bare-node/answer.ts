import type { Socket } from 'node:net'

import type { StoredBody } from './stored-body.ts'

/** Of a body that is stored: they wait for its digest. */
const HELD_BYTES = 16 << 10

/** A longer head is none. */
const MAX_HEAD_BYTES = 16 << 10

const HEAD_END = '\r\n\r\n'

interface Head {
  /** With the empty line. */
  readonly bytes: number
  readonly bodyBytes: number
  /** Whether upstream closes the connection behind the answer. */
  readonly isLast: boolean
}

/** What upstream answers, on its way to a client piece by piece as it comes. */
export class Answer {
  readonly #client: Socket
  readonly #stored: StoredBody | undefined
  /** What has come of a head that is not whole. */
  #early: Buffer = Buffer.alloc(0)
  #head: Head | undefined
  /** Of the body, to come. */
  #left = 0
  #held: Buffer[] = []

  /** @param stored where the body is put as well, and what holds back its end */
  constructor(client: Socket, stored?: StoredBody) {
    this.#client = client
    this.#stored = stored
  }

  /** Whether the client has got any of it. */
  get isBegun(): boolean {
    return this.#head !== undefined
  }

  /** Whether upstream closes the connection behind it. */
  get isLast(): boolean {
    return this.#head?.isLast === true
  }

  /** The next bytes. It is `wrong` without a head that says how long the body is, and when more comes than that. */
  take(bytes: Buffer): 'more' | 'all' | 'wrong' {
    if (this.#head !== undefined) return this.#pass(bytes, bytes)
    const known = this.#early.length === 0 ? bytes : Buffer.concat([this.#early, bytes])
    const head = parseHead(known)
    if (head === 'more') this.#early = known
    if (head === 'more' || head === 'wrong') return head
    this.#head = head
    this.#left = head.bodyBytes
    return this.#pass(known, known.subarray(head.bytes))
  }

  /** It will not come any further: the client has what came until now. */
  abandon(): void {
    this.#stored?.abandon()
  }

  /** @param bytes what is sent, of which `body` is the end */
  #pass(bytes: Buffer, body: Buffer): 'more' | 'all' | 'wrong' {
    this.#left -= body.length
    if (this.#left < 0) return 'wrong'
    const heldBytes = this.#stored === undefined ? 0 : Math.min(body.length, HELD_BYTES - this.#left)
    const sent = heldBytes > 0 ? bytes.subarray(0, bytes.length - heldBytes) : bytes
    this.#stored?.begin(body)
    if (sent.length > 0) this.#client.write(sent)
    if (heldBytes > 0) this.#held.push(bytes.subarray(sent.length))
    // While that is on its way.
    this.#stored?.take(body)
    if (this.#left > 0) return 'more'
    this.#stored?.finish()
    if (this.#held.length > 0) this.#client.write(Buffer.concat(this.#held))
    return 'all'
  }
}

function parseHead(bytes: Buffer): Head | 'more' | 'wrong' {
  const text = bytes.toString('latin1', 0, MAX_HEAD_BYTES)
  const end = text.indexOf(HEAD_END)
  if (end < 0) return bytes.length < MAX_HEAD_BYTES ? 'more' : 'wrong'
  const head = text.slice(0, end)
  const length = /^content-length: *(\d+) *$/im.exec(head)?.[1]
  if (length === undefined) return 'wrong'
  return {
    bytes: end + HEAD_END.length,
    bodyBytes: Number(length),
    isLast: /^connection: *close *$/im.test(head),
  }
}

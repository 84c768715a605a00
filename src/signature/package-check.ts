import { PinyonError } from '../model/errors.ts'
import { malformed } from './malformed.ts'
import { TAG, readPackets } from './packets.ts'
import { parseSignature, type SignaturePacket } from './signature-packet.ts'
import type { SigningKey } from './signing-key.ts'
import { Verification, type Verdict } from './verify.ts'

// An rpm package (rpm's docs/manual/format_v4.md): a lead of 96 bytes, a header of signatures, padded to 8 bytes, the header proper, the payload.

const LEAD_BYTES = 96
const LEAD_MAGIC = 0xedabeedb
const HEADER_MAGIC = 0x8eade801
/** Magic, four reserved bytes, the number of entries and the bytes of their data. */
const INTRO_BYTES = 16
const ENTRY_BYTES = 16

/** Bytes looked at together. */
const PIECE_BYTES = 64 << 10
/** Signature headers have some ten entries; rpm itself allows 65,535. */
const MAX_ENTRIES = 1024
/** Of data of a header; rpm allows as much. */
const MAX_DATA_BYTES = 256 << 20
/** A signature of RSA with 16,384 bits has 2 KB. */
const MAX_SIGNATURE_BYTES = 8 << 10

/** Tags of signatures over the header (DSA, RSA; several of any kind), and over header and payload, as rpm made them before 4.14. */
const HEADER_TAGS = [267, 268] as const
const LIST_TAG = 278
const WHOLE_TAGS = [1002, 1005] as const
const TYPE = { bin: 7, strings: 8 } as const

/** As many bytes as there are. */
const ANY = Infinity

/** What the reader wants: exactly so many bytes, or {@link ANY}. */
type Reader = Generator<number, void, Buffer>

/**
 * Verifies the signature of a package as its bytes go by: give them in order until it is settled, or they end. A signature counts when its key
 * was neither expired when it was made nor is revoked now. Memory is bounded whatever the bytes are.
 */
export class PackageCheck {
  readonly #keys: readonly SigningKey[]
  readonly #nowMs: number
  readonly #reader: Reader
  #wanted: number
  #pieces: Buffer[] = []
  #held = 0
  #verification: Verification | undefined
  /** Whether all that is signed went by. */
  #complete = false
  #isOver = false
  #failure: string | undefined

  constructor(keys: readonly SigningKey[], nowMs: number) {
    this.#keys = keys
    this.#nowMs = nowMs
    this.#reader = this.#read()
    this.#wanted = this.#reader.next().value ?? ANY
  }

  /** Whether further bytes change nothing. */
  get isSettled(): boolean {
    return this.#isOver
  }

  /** Takes the next bytes; they are not kept. */
  update(bytes: Uint8Array): void {
    let rest = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    while (rest.length > 0 && !this.#isOver) {
      const piece = rest.subarray(0, Math.min(rest.length, this.#wanted - this.#held))
      rest = rest.subarray(piece.length)
      if (this.#wanted !== ANY && this.#held + piece.length < this.#wanted) {
        // What is given may be overwritten.
        this.#pieces.push(Buffer.from(piece))
        this.#held += piece.length
      } else this.#advance(this.#pieces.length === 0 ? piece : Buffer.concat([...this.#pieces, piece]))
    }
  }

  /** What became of it, once it is settled or all bytes were given. */
  finish(): Verdict {
    if (this.#failure !== undefined) return { reason: this.#failure, mayBeLate: false }
    if (!this.#complete || this.#verification === undefined)
      return { reason: 'it ends within its header', mayBeLate: false }
    return this.#verification.finish()
  }

  #advance(bytes: Buffer): void {
    this.#pieces = []
    this.#held = 0
    try {
      const next = this.#reader.next(bytes)
      if (next.done === true) this.#isOver = true
      else this.#wanted = next.value
    } catch (error) {
      if (!(error instanceof PinyonError)) throw error
      this.#failure = error.message
      this.#isOver = true
    }
  }

  *#read(): Reader {
    const lead = yield LEAD_BYTES
    if (lead.readUInt32BE(0) !== LEAD_MAGIC)
      throw malformed('no rpm package begins with', lead.toString('hex', 0, 4))
    const found = yield* readSignatures()
    const [packets, isWhole] = found.header.length > 0 ? [found.header, false] : [found.whole, true]
    if (packets.length === 0) throw new PinyonError('SIGNATURE_REFUSED', 'the package is not signed')
    const verification = new Verification(packets, this.#keys, this.#nowMs, 'signing')
    this.#verification = verification
    yield* readHeader(verification)
    this.#complete = true
    // Whoever signed nothing that counts need not be waited for.
    while (isWhole && verification.isOpen) verification.update(yield ANY)
  }
}

/** Over the header, and over header and payload. */
interface FoundSignatures {
  readonly header: readonly SignaturePacket[]
  readonly whole: readonly SignaturePacket[]
}

function* readSignatures(): Generator<number, FoundSignatures, Buffer> {
  const { entries, dataBytes } = readIntro(yield INTRO_BYTES)
  if (entries > MAX_ENTRIES)
    throw malformed(`a signature header of more than ${MAX_ENTRIES} entries`, entries)
  const index = entries === 0 ? Buffer.alloc(0) : yield entries * ENTRY_BYTES
  const wanted = readEntries(index)
  // Data of other tags, checksums of each file for one, can be large.
  const padded = dataBytes + ((8 - (dataBytes % 8)) % 8)
  for (let at = 0; at < padded;) {
    const piece = yield Math.min(PIECE_BYTES, padded - at)
    for (const entry of wanted) {
      const from = Math.max(entry.offset, at)
      const to = Math.min(entry.offset + entry.length, dataBytes, at + piece.length)
      if (from < to) entry.pieces.push(Buffer.from(piece.subarray(from - at, to - at)))
    }
    at += piece.length
  }
  const header = wanted.filter(({ tag }) => !isOneOf(tag, WHOLE_TAGS))
  const whole = wanted.filter(({ tag }) => isOneOf(tag, WHOLE_TAGS))
  return { header: header.flatMap(toPackets), whole: whole.flatMap(toPackets) }
}

function* readHeader(verification: Verification): Reader {
  const intro = yield INTRO_BYTES
  const { entries, dataBytes } = readIntro(intro)
  verification.update(intro)
  for (let left = entries * ENTRY_BYTES + dataBytes; left > 0;) {
    const piece = yield Math.min(PIECE_BYTES, left)
    verification.update(piece)
    left -= piece.length
  }
}

function readIntro(intro: Buffer): { entries: number; dataBytes: number } {
  if (intro.readUInt32BE(0) !== HEADER_MAGIC)
    throw malformed('no rpm header begins with', intro.toString('hex', 0, 4))
  const entries = intro.readUInt32BE(8)
  const dataBytes = intro.readUInt32BE(12)
  if (entries > 0xffff || dataBytes > MAX_DATA_BYTES)
    throw malformed('an rpm header larger than rpm allows', `${entries} entries, ${dataBytes} bytes`)
  return { entries, dataBytes }
}

/** An entry of a header's index, and its data as they go by. */
interface Entry {
  readonly tag: number
  readonly offset: number
  readonly length: number
  /** Of strings. */
  readonly count: number
  readonly pieces: Buffer[]
}

function readEntries(index: Buffer): Entry[] {
  const entries: Entry[] = []
  for (let at = 0; at < index.length; at += ENTRY_BYTES) {
    const [tag, type, offset, count] = [0, 4, 8, 12].map((part) => index.readUInt32BE(at + part)) as [
      number,
      number,
      number,
      number,
    ]
    const isSignature = (isOneOf(tag, HEADER_TAGS) || isOneOf(tag, WHOLE_TAGS)) && type === TYPE.bin
    if (isSignature && count > MAX_SIGNATURE_BYTES)
      throw malformed('a signature of more bytes than', MAX_SIGNATURE_BYTES)
    if (isSignature) entries.push({ tag, offset, length: count, count, pieces: [] })
    else if (tag === LIST_TAG && type === TYPE.strings)
      entries.push({ tag, offset, length: PIECE_BYTES, count, pieces: [] })
  }
  return entries
}

function isOneOf(tag: number, tags: readonly number[]): boolean {
  return tags.includes(tag)
}

function toPackets({ tag, count, pieces }: Entry): SignaturePacket[] {
  const data = Buffer.concat(pieces)
  const signatures =
    tag === LIST_TAG
      ? data
          .toString('latin1')
          .split('\0', Math.min(count, 16))
          .map((text) => Buffer.from(text, 'base64'))
      : [data]
  const packets = signatures.flatMap((bytes) => readPackets(bytes))
  return packets.filter((packet) => packet.tag === TAG.signature).map(({ body }) => parseSignature(body))
}

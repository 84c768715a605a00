import { PinyonError } from '../model/errors.ts'
import { readBlocks } from './armor.ts'
import { malformed, toDay } from './malformed.ts'
import { TAG, readPackets } from './packets.ts'
import { hashName } from './algorithms.ts'
import { startCheck, type SignatureCheck } from './signature-check.ts'
import { parseSignature, type SignaturePacket } from './signature-packet.ts'
import { describeKey, isNamedBy, type SigningKey } from './signing-key.ts'

/** A signature that counts. */
export interface GoodSignature {
  readonly key: SigningKey
  /** Milliseconds since the epoch, as the signer said. */
  readonly createdAt: number
  /** As node:crypto names it. */
  readonly hash: string
}

/** What became of a check. */
export type Verdict =
  | { readonly good: GoodSignature; readonly reason?: undefined; readonly mayBeLate?: undefined }
  | {
      readonly good?: undefined
      readonly reason: string
      /** Whether the signature may be that of other bytes, or one of which only a part is there: another may come. */
      readonly mayBeLate: boolean
    }

/** Signatures looked at; repositories have one, in a change of keys two. */
const MAX_SIGNATURES = 8
/** Keys of one number; two that are not one are a forger's work. */
const MAX_KEYS = 4
/** All bytes are hashed once for each pair of signature and key. */
const MAX_CHECKS = 4
/** How far ahead the signer's clock may be, in milliseconds. */
const CLOCK_TOLERANCE_MS = 86_400_000

/**
 * Verifies a detached signature, armoured or not, of bytes in memory. One good signature of a known key suffices, whatever else is there.
 * It counts like gpgv's GOODSIG: the key is neither expired nor revoked now, whenever it was made.
 */
export function verifyDetached(
  data: Uint8Array,
  signature: Buffer,
  keys: readonly SigningKey[],
  nowMs: number,
): Verdict {
  let packets: readonly SignaturePacket[]
  try {
    packets = readDetached(signature)
  } catch (error) {
    if (!(error instanceof PinyonError)) throw error
    return { reason: error.message, mayBeLate: true }
  }
  const check = new Verification(packets, keys, nowMs)
  check.update(data)
  return check.finish()
}

/**
 * The signatures of a file of nothing but signatures.
 * @throws PinyonError SIGNATURE_MALFORMED
 */
export function readDetached(bytes: Buffer): SignaturePacket[] {
  const [first, ...others] = readBlocks(bytes)
  if (first === undefined) throw malformed('no OpenPGP signature, bytes', bytes.length)
  const unfit = [first, ...others].find(({ label }) => label !== undefined && label !== 'SIGNATURE')
  if (unfit !== undefined) throw malformed('no detached signature but', unfit.label ?? '')
  const packets = [first, ...others].flatMap((block) => readPackets(block.packets))
  const other = packets.find(({ tag }) => tag !== TAG.signature)
  if (other !== undefined) throw malformed('no detached signature but a packet of type', other.tag)
  if (packets.length === 0) throw malformed('no OpenPGP signature, bytes', bytes.length)
  if (packets.length > MAX_SIGNATURES)
    throw malformed(`more than ${MAX_SIGNATURES} signatures`, packets.length)
  return packets.map(({ body }) => parseSignature(body))
}

interface Candidate {
  readonly packet: SignaturePacket
  readonly key: SigningKey
  readonly check: SignatureCheck
}

/** Bytes being held against signatures: give them in order, then ask. */
export class Verification {
  readonly #candidates: readonly Candidate[]
  readonly #refusals: string[] = []

  /** @param valid when a key must not have expired: now, or when it signed, as for packages, which are signed once and used for years */
  constructor(
    packets: readonly SignaturePacket[],
    keys: readonly SigningKey[],
    nowMs: number,
    valid: 'now' | 'signing' = 'now',
  ) {
    const all = packets.slice(0, MAX_SIGNATURES)
    const candidates = all.flatMap((packet) => this.#select(packet, keys, nowMs, valid))
    this.#candidates = candidates.slice(0, MAX_CHECKS)
  }

  /** Whether there is a signature that the bytes could be right by. */
  get isOpen(): boolean {
    return this.#candidates.length > 0
  }

  /** Takes the next bytes of what was signed. */
  update(bytes: Uint8Array): void {
    for (const { check } of this.#candidates) check.update(bytes)
  }

  /** What became of it, once all bytes were given. */
  finish(): Verdict {
    const found = this.#candidates.find(({ check }) => check.matches())
    if (found !== undefined) {
      const { packet, key } = found
      const hash = hashName(packet.hashAlgorithm) ?? ''
      return { good: { key, createdAt: packet.createdAt, hash } }
    }
    const wrong = this.#candidates.map(
      ({ key }) => `it is no signature of these bytes by the key that it names, ${describeKey(key)}`,
    )
    const reason = [...new Set([...wrong, ...this.#refusals])].join('; ')
    return { reason, mayBeLate: wrong.length > 0 }
  }

  #select(
    packet: SignaturePacket,
    keys: readonly SigningKey[],
    nowMs: number,
    valid: 'now' | 'signing',
  ): Candidate[] {
    const general = refusePacket(packet, nowMs)
    const { issuer } = packet
    const named = issuer === undefined ? [] : keys.filter((key) => isNamedBy(key, issuer)).slice(0, MAX_KEYS)
    if (general !== undefined) this.#refusals.push(general)
    else if (named.length === 0) this.#refusals.push(describeUnknownKey(issuer, keys))
    if (general !== undefined) return []
    return named.flatMap((key) => {
      const refusal = refuseKey(key, packet, valid === 'now' ? nowMs : packet.createdAt)
      const check = refusal === undefined ? startCheck(packet, key) : undefined
      if (check !== undefined) return [{ packet, key, check }]
      this.#refusals.push(refusal ?? `it cannot be checked with the ${key.kind} key ${describeKey(key)}`)
      return []
    })
  }
}

/** Why a signature does not count whoever made it. */
function refusePacket(packet: SignaturePacket, nowMs: number): string | undefined {
  if (packet.type !== 0) return `it is a signature of type ${packet.type}, and not one of bytes (0)`
  if (hashName(packet.hashAlgorithm) === undefined)
    return `its hash algorithm is refused: ${describeHash(packet.hashAlgorithm)}`
  if (packet.unknown !== undefined) return `it has ${packet.unknown}, which is not known`
  if (packet.expiresAt !== undefined && packet.expiresAt <= nowMs)
    return `the signature expired on ${toDay(packet.expiresAt)}`
  if (packet.createdAt > nowMs + CLOCK_TOLERANCE_MS)
    return `the signature is of the future: ${toDay(packet.createdAt)}`
  return undefined
}

/** Why no signature of a key counts, or not this one. */
function refuseKey(key: SigningKey, packet: SignaturePacket, atMs: number): string | undefined {
  const named = `it is by ${describeKey(key)}`
  if (key.refusal !== undefined) return `${named}: ${key.refusal}`
  if (key.expiresAt !== undefined && key.expiresAt <= atMs)
    return `${named}, which expired on ${toDay(key.expiresAt)}`
  if (packet.createdAt < key.createdAt) return `${named}, which was made only on ${toDay(key.createdAt)}`
  return undefined
}

function describeUnknownKey(issuer: string | undefined, keys: readonly SigningKey[]): string {
  const known = [...new Set(keys.map(({ primary }) => primary))]
  const what =
    issuer === undefined ? 'it does not say by which key it is' : `it is by an unknown key: ${issuer}`
  return known.length === 0
    ? `${what}; gpgkey has no key`
    : `${what}; gpgkey has ${known.slice(0, MAX_KEYS).join(', ')}${known.length > MAX_KEYS ? ' …' : ''}`
}

function describeHash(algorithm: number): string {
  return algorithm === 1 ? 'MD5' : algorithm === 3 ? 'RIPEMD-160' : String(algorithm)
}

import { constants, createHash, createPublicKey, createVerify, verify, type KeyObject } from 'node:crypto'

import { ALGORITHM, hashName } from './algorithms.ts'
import type { SignaturePacket } from './signature-packet.ts'
import type { SigningKey } from './signing-key.ts'

/** Bytes of a component of an Ed25519 signature. */
const ED25519_HALF = 32

/** Bytes being held against one signature by one key: give them in order, then ask. */
export interface SignatureCheck {
  update(bytes: Uint8Array): void
  matches(): boolean
}

/** Begins a check; undefined when key or signature is of a kind that cannot be checked. */
export function startCheck(packet: SignaturePacket, key: SigningKey): SignatureCheck | undefined {
  const hash = hashName(packet.hashAlgorithm)
  if (hash === undefined || packet.keyAlgorithm !== key.algorithm) return undefined
  const publicKey = readKey(key.spki)
  const signature = publicKey && readMaterial(packet, publicKey)
  if (publicKey === undefined || signature === undefined) return undefined
  return isEdwards(packet.keyAlgorithm)
    ? checkEdwards(packet, publicKey, hash, signature)
    : checkHashed(packet, publicKey, hash, signature)
}

function checkHashed(
  packet: SignaturePacket,
  publicKey: KeyObject,
  hash: string,
  signature: Buffer,
): SignatureCheck {
  const verifier = createVerify(hash).update(packet.salt)
  const key = { key: publicKey, padding: constants.RSA_PKCS1_PADDING, dsaEncoding: 'ieee-p1363' } as const
  const { asymmetricKeyType } = publicKey
  const options = asymmetricKeyType === 'rsa' ? key : { key: publicKey, dsaEncoding: key.dsaEncoding }
  return {
    update: (bytes) => void verifier.update(bytes),
    matches: () => verifier.update(packet.trailer).verify(options, signature),
  }
}

/** What is signed is the hash (section 5.2.3.3 ff.), not the bytes. */
function checkEdwards(
  packet: SignaturePacket,
  publicKey: KeyObject,
  hash: string,
  signature: Buffer,
): SignatureCheck {
  const digest = createHash(hash).update(packet.salt)
  return {
    update: (bytes) => void digest.update(bytes),
    matches: () => verify(null, digest.update(packet.trailer).digest(), publicKey, signature),
  }
}

function isEdwards(algorithm: number): boolean {
  const { eddsaLegacy, ed25519, ed448 } = ALGORITHM
  return algorithm === eddsaLegacy || algorithm === ed25519 || algorithm === ed448
}

function readKey(spki: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch {
    // Numbers that make no key.
    return undefined
  }
}

/** The signature as node:crypto has it; undefined when it is no such one. */
function readMaterial({ keyAlgorithm, material }: SignaturePacket, key: KeyObject): Buffer | undefined {
  const { modulusLength = 0, divisorLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  const { rsa, dsa, ecdsa, eddsaLegacy, ed25519, ed448 } = ALGORITHM
  if (keyAlgorithm === rsa[0] || keyAlgorithm === rsa[1])
    return readNumbers(material, 1, Math.ceil(modulusLength / 8))
  if (keyAlgorithm === dsa) return readNumbers(material, 2, Math.ceil(divisorLength / 8))
  if (keyAlgorithm === ecdsa) return readNumbers(material, 2, CURVE_BYTES[namedCurve] ?? 0)
  if (keyAlgorithm === eddsaLegacy) return readNumbers(material, 2, ED25519_HALF)
  return keyAlgorithm === ed25519 || keyAlgorithm === ed448 ? material : undefined
}

/** Bytes of a number below the order of a curve, by OpenSSL's names. */
const CURVE_BYTES: Readonly<Record<string, number>> = {
  prime256v1: 32,
  secp384r1: 48,
  secp521r1: 66,
  secp256k1: 32,
  brainpoolP256r1: 32,
  brainpoolP384r1: 48,
  brainpoolP512r1: 64,
}

/** So many multiprecision integers (section 3.2), each made `size` bytes long; undefined when they are not, or something follows. */
function readNumbers(material: Buffer, count: number, size: number): Buffer | undefined {
  const numbers: Buffer[] = []
  let at = 0
  for (let index = 0; index < count; index += 1) {
    if (at + 2 > material.length) return undefined
    const length = Math.ceil(material.readUInt16BE(at) / 8)
    const digits = material.subarray(at + 2, at + 2 + length)
    if (digits.length < length || length > size) return undefined
    numbers.push(Buffer.concat([Buffer.alloc(size - length), digits]))
    at += 2 + length
  }
  return at === material.length ? Buffer.concat(numbers) : undefined
}

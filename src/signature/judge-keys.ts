import { config, enums, readKeys, type Config, type PublicKey, type Subkey } from 'openpgp'

import { readBlocks } from './armor.ts'
import { ALGORITHM } from './algorithms.ts'
import { malformed, printable } from './malformed.ts'
import { TAG, readPackets, type Packet } from './packets.ts'
import { REVOKED, type SigningKey } from './signing-key.ts'
import { dsaKey, ecdsaKey, eddsaKey, rsaKey } from './spki.ts'

/** What a file of keys holds. */
export interface JudgedKeys {
  readonly keys: readonly SigningKey[]
  /** The packets of each primary key and what belongs to it, by its fingerprint. */
  readonly packets: ReadonlyMap<string, Uint8Array>
  /** What is wrong with those that cannot be used at all. */
  readonly problems: readonly string[]
}

/** Those that the library needs a further one for. */
const UNSUPPORTED_CURVES: ReadonlySet<string> = new Set([
  'secp256k1',
  'brainpoolP256r1',
  'brainpoolP384r1',
  'brainpoolP512r1',
])

/** Of RSA and DSA: each use of a longer one takes many milliseconds. */
const MAX_BITS = 8192

/** Primary keys of one file. */
const MAX_KEYS = 64
const MAX_OWNER = 200
const MAX_REASON = 300

/**
 * Old keys count: RSA from 1024 bits, DSA, keys that do not say what they are for, and self-signatures with SHA-1, as EL 5 to 7 have them. With
 * MD5 they do not.
 */
const RULES: Config = {
  ...config,
  minRSABits: 1024,
  allowMissingKeyFlags: true,
  rejectHashAlgorithms: new Set([enums.hash.md5, enums.hash.ripemd]),
  rejectPublicKeyAlgorithms: new Set(),
}

/**
 * Reads a file of public keys, with armour or without, and judges each key and subkey by its self-signatures as of now. It may take long, and
 * much memory, for a file that is made to: call it in a thread.
 * @throws PinyonError SIGNATURE_MALFORMED for what is no file of public keys
 */
export async function judgeKeys(bytes: Buffer, nowMs: number): Promise<JudgedKeys> {
  const { keys, problems } = await parseKeys(bytes)
  return { ...(await judgeAll(keys, nowMs)), problems }
}

/**
 * Adds to keys what a newer file of them says: further expiry times, subkeys and revocations. Nothing is taken away, so that an older state of a
 * key cannot undo its revocation.
 * @returns only keys that were there before, and the fingerprints of others in the newer file
 * @throws PinyonError SIGNATURE_MALFORMED when one of them is no file of public keys
 */
export async function renewKeys(
  before: Buffer,
  newer: Buffer,
  nowMs: number,
): Promise<JudgedKeys & { readonly strangers: readonly string[] }> {
  const [old, fetched] = [await parseKeys(before), await parseKeys(newer)]
  const renewed: PublicKey[] = []
  for (const key of old.keys) {
    const other = find(fetched.keys, key)
    renewed.push(other === undefined ? key : await key.update(other, new Date(nowMs), RULES))
  }
  const strangers = fetched.keys.filter((key) => find(old.keys, key) === undefined)
  return {
    ...(await judgeAll(renewed, nowMs)),
    problems: fetched.problems,
    strangers: strangers.map((key) => key.getFingerprint().toUpperCase()),
  }
}

/** The key of the same fingerprint. */
function find(all: readonly PublicKey[], one: PublicKey): PublicKey | undefined {
  return all.find((key) => key.getFingerprint() === one.getFingerprint())
}

async function judgeAll(all: readonly PublicKey[], nowMs: number): Promise<Omit<JudgedKeys, 'problems'>> {
  const keys: SigningKey[] = []
  const packets = new Map<string, Uint8Array>()
  for (const key of all) {
    keys.push(...(await judgeKey(key, nowMs)))
    packets.set(key.getFingerprint().toUpperCase(), key.write())
  }
  return { keys, packets }
}

async function parseKeys(bytes: Buffer): Promise<{ keys: PublicKey[]; problems: string[] }> {
  const packets = readBlocks(bytes).flatMap(({ label, packets }) => {
    if (label?.startsWith('PRIVATE') === true)
      throw malformed('a private key, where public ones belong', label)
    return label === undefined || label === 'PUBLIC KEY BLOCK' ? readPackets(packets) : []
  })
  const files = splitKeys(packets)
  if (files.length === 0) throw malformed('no OpenPGP public key, bytes', bytes.length)
  if (files.length > MAX_KEYS) throw malformed(`more than ${MAX_KEYS} keys`, files.length)
  const keys: PublicKey[] = []
  const problems: string[] = []
  for (const file of files) {
    try {
      keys.push(...(await readKeys({ binaryKeys: file, config: RULES })))
    } catch (error) {
      problems.push(printable((error as Error).message, MAX_REASON))
    }
  }
  return { keys, problems }
}

/** Each key by itself, so that one that cannot be read does not take the others along. */
function splitKeys(packets: readonly Packet[]): Uint8Array[] {
  const files: Uint8Array[][] = []
  for (const { tag, whole } of packets) {
    if (tag === TAG.secretKey || tag === TAG.secretSubkey)
      throw malformed('a private key, where public ones belong, type', tag)
    if (tag === TAG.publicKey) files.push([])
    files.at(-1)?.push(whole)
  }
  return files.map((file) => Buffer.concat(file))
}

async function judgeKey(key: PublicKey, nowMs: number): Promise<SigningKey[]> {
  const judged: SigningKey[] = []
  const primary = key.getFingerprint().toUpperCase()
  const owner = printable(key.getUserIDs()[0] ?? '', MAX_OWNER)
  const expiresAt = toMs(await key.getExpirationTime(undefined, RULES))
  for (const one of [key, ...key.subkeys]) {
    const own = one === key ? expiresAt : earlier(expiresAt, toMs(await subkeyExpiry(one as Subkey)))
    const fingerprint = one.getFingerprint().toUpperCase()
    const { algorithm, publicParams } = one.keyPacket
    const spki = toSpki(algorithm, publicParams)
    // Of one that has expired, what it was until then: packages that it signed before still count.
    const atMs = own === undefined ? nowMs : Math.min(nowMs, own - 1000)
    judged.push({
      fingerprint,
      primary,
      owner,
      algorithm,
      kind: describeKind(one),
      createdAt: one.getCreationTime().getTime(),
      expiresAt: own,
      spki: spki ?? new Uint8Array(),
      refusal:
        spki === undefined
          ? `keys of this kind make no signatures: ${describeKind(one)}`
          : await refuse(key, one, atMs),
    })
  }
  return judged
}

/** Why signatures of a key or subkey do not count now, other than that it has expired. */
async function refuse(key: PublicKey, one: PublicKey | Subkey, nowMs: number): Promise<string | undefined> {
  const date = new Date(nowMs)
  const { curve, bits = 0 } = one.getAlgorithmInfo()
  if (bits > MAX_BITS) return `it has more than ${MAX_BITS} bits: ${bits}`
  if (curve !== undefined && UNSUPPORTED_CURVES.has(curve)) return `its curve is not supported: ${curve}`
  try {
    if (await key.isRevoked(undefined, undefined, date, RULES)) return REVOKED
    await key.verifyPrimaryKey(date, undefined, RULES)
    if (one !== key) await (one as Subkey).verify(date, RULES)
    const found = await key.getSigningKey(one.getKeyID(), date, undefined, RULES)
    return found.getFingerprint() === one.getFingerprint() ? undefined : 'it may not sign'
  } catch (error) {
    const message = printable((error as Error).message, MAX_REASON)
    if (message.includes('Subkey is revoked')) return 'the subkey is revoked'
    return message.startsWith('Could not find valid signing key') && !message.includes(':')
      ? 'it may not sign'
      : message
  }
}

async function subkeyExpiry(subkey: Subkey): Promise<Date | number | null> {
  return await subkey.getExpirationTime(undefined, RULES)
}

/** Undefined for what does not expire, and for what is not valid, which is refused for that. */
function toMs(time: Date | number | null): number | undefined {
  return time instanceof Date ? time.getTime() : undefined
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b)
}

function describeKind(one: PublicKey | Subkey): string {
  const { algorithm, bits, curve } = one.getAlgorithmInfo()
  return bits === undefined ? (curve ?? algorithm) : `${algorithm.replace(/(?:Encrypt|Sign)+$/, '')}${bits}`
}

/** The numbers of a public key, by the names that the standard has for them. */
interface Params {
  readonly n?: Uint8Array
  readonly e?: Uint8Array
  readonly p?: Uint8Array
  readonly q?: Uint8Array
  readonly g?: Uint8Array
  readonly y?: Uint8Array
  readonly oid?: { readonly oid: Uint8Array }
  readonly Q?: Uint8Array
  readonly A?: Uint8Array
}

/** Undefined for a key that does not sign. */
function toSpki(algorithm: number, { n, e, p, q, g, y, oid, Q, A }: Params): Uint8Array | undefined {
  const { rsa, dsa, ecdsa, eddsaLegacy, ed25519, ed448 } = ALGORITHM
  if ((algorithm === rsa[0] || algorithm === rsa[1]) && n && e) return rsaKey({ n, e })
  if (algorithm === dsa && p && q && g && y) return dsaKey({ p, q, g, y })
  if (algorithm === ecdsa && oid && Q) return ecdsaKey(oid.oid, Q)
  // Section 5.5.5.5: the point has a prefix of its own, 0x40.
  if (algorithm === eddsaLegacy && Q) return eddsaKey('ed25519', Q.subarray(1))
  if (algorithm === ed25519 && A) return eddsaKey('ed25519', A)
  return algorithm === ed448 && A ? eddsaKey('ed448', A) : undefined
}

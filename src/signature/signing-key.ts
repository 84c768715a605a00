/** A key that signatures may be made with, judged. Plain data, so that a thread can give it. */
export interface SigningKey {
  /** In upper-case hex, as gpg shows it. */
  readonly fingerprint: string
  /** Of the key that it belongs to: its own, or for a subkey the primary's. */
  readonly primary: string
  /** The first user id, for people. */
  readonly owner: string
  /** OpenPGP's number of it. */
  readonly algorithm: number
  /** Such as `rsa4096`. */
  readonly kind: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly expiresAt: number | undefined
  /** As DER: see spki.ts. */
  readonly spki: Uint8Array
  /** Why nothing that it signs counts; undefined when it does, until it expires. */
  readonly refusal: string | undefined
}

/** The refusal of a primary key that is revoked, and of all that belongs to it. */
export const REVOKED = 'the key is revoked'

/** Whether a signature that names its maker so names this key: by fingerprint, or by the 64 bits that it shares with few others. */
export function isNamedBy({ fingerprint }: SigningKey, issuer: string): boolean {
  if (issuer.length === 16) return keyIdOf(fingerprint) === issuer
  return fingerprint === issuer
}

/** The number that people and old signatures name a key by (RFC 9580, section 5.5.4): the end of a fingerprint of version 4, else its beginning. */
function keyIdOf(fingerprint: string): string {
  return fingerprint.length === 40 ? fingerprint.slice(-16) : fingerprint.slice(0, 16)
}

/** A key for people: fingerprint and owner. */
export function describeKey({ fingerprint, owner }: Pick<SigningKey, 'fingerprint' | 'owner'>): string {
  return owner === '' ? fingerprint : `${fingerprint} (${owner})`
}

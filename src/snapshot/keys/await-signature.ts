import { setTimeout as sleepFor } from 'node:timers/promises'

import { PinyonError } from '../../model/errors.ts'
import type { GoodSignature } from '../../signature/verify.ts'
import type { Companion } from '../repomd-source.ts'
import type { VerifiedSignature } from '../store.ts'
import type { SignatureVerifier } from './verifier.ts'

/** Pauses before a signature is looked at again that may be on its way, in milliseconds: pushes upload one file after the other. */
const PAUSES_MS = [1000, 2000, 4000, 8000] as const

/** How a mirror's signatures are verified. */
export interface SignatureCheck {
  readonly verify: SignatureVerifier
  readonly now: () => number
  /** Waits before one is looked at again; by a timer unless told. */
  readonly sleep?: (ms: number) => Promise<unknown>
}

/** The signature of one repomd.xml. */
export interface SignatureWait extends SignatureCheck {
  readonly repomd: Buffer
  /** Reads it anew; undefined when there is none. */
  readonly read: () => Promise<Companion | undefined>
  /** Whether repomd.xml is another one by now. */
  readonly hasMoved: () => Promise<boolean>
  readonly signal: AbortSignal
}

/**
 * Waits a little for a signature that verifies: upstreams upload it after repomd.xml.
 * @returns undefined when upstream has gone to another repomd.xml meanwhile
 * @throws PinyonError SIGNATURE_REFUSED when none came, or the one there is does not count
 */
export async function awaitSignature(
  wait: SignatureWait,
): Promise<{ companion: Companion; verified: VerifiedSignature } | undefined> {
  const sleep = wait.sleep ?? ((ms: number) => sleepFor(ms, undefined, { signal: wait.signal }))
  for (const pauseMs of [...PAUSES_MS, undefined]) {
    const companion = await wait.read()
    const verdict = companion && (await wait.verify(wait.repomd, companion.bytes))
    if (companion !== undefined && verdict?.good !== undefined)
      return { companion, verified: toVerified(verdict.good, wait.now()) }
    if (pauseMs === undefined || verdict?.mayBeLate === false) throw refused(verdict?.reason)
    await sleep(pauseMs)
    wait.signal.throwIfAborted()
    if (await wait.hasMoved()) return undefined
  }
  return undefined
}

/** A good signature as it is kept with its snapshot. */
function toVerified({ key, createdAt, hash }: GoodSignature, verifiedAt: number): VerifiedSignature {
  const { fingerprint, primary, owner } = key
  return { fingerprint, primary, owner, hash, signedAt: createdAt, verifiedAt }
}

function refused(reason: string | undefined): PinyonError {
  const what = 'repo_gpgcheck refuses the signature of repomd.xml'
  return new PinyonError('SIGNATURE_REFUSED', `${what}: ${reason ?? 'upstream has no repomd.xml.asc'}`)
}

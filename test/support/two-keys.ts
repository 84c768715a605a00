import { rmSync } from 'node:fs'
import { after } from 'node:test'

import { Gpg, type KeySpec } from './gpg.ts'
import type { needs } from './tools.ts'

/** Two keys that sign the same things, and the gpg that has them. */
export interface TwoKeys {
  readonly gpg: Gpg
  /** The fingerprint of the key that mirrors trust, of `Own <own@example.org>`. */
  readonly own: string
  /** The fingerprint of the one that they do not, of `Other <other@example.org>`. */
  readonly other: string
}

/**
 * Makes two keys for a file of tests, at its top; they are gone when its tests end.
 * @param tools what the tests need: where that is missing, they are skipped and no keys are made
 */
export async function createTwoKeys({ skip }: ReturnType<typeof needs>, spec?: KeySpec): Promise<TwoKeys> {
  const gpg = new Gpg()
  if (skip !== false) {
    rmSync(gpg.dir, { recursive: true })
    return { gpg, own: '', other: '' }
  }
  after(() => gpg.close())
  const own = await gpg.generate('Own <own@example.org>', spec)
  return { gpg, own, other: await gpg.generate('Other <other@example.org>', spec) }
}

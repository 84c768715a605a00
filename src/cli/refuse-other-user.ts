import { statSync } from 'node:fs'

import { createLayout } from '../cache/layout.ts'
import { PinyonError } from '../model/errors.ts'

/**
 * Refuses to write into a data directory as root where that is another user's: what root makes there, that user's server cannot write, the
 * database above all. Whose it is, its database says, else what that could be made anew from, else the directory itself.
 * @throws PinyonError FORBIDDEN
 */
export function refuseOtherUser(dataDir: string): void {
  if (process.getuid?.() !== 0) return
  const { database, inventory } = createLayout(dataDir)
  for (const path of [database, inventory, dataDir]) {
    const owner = ownerOf(path)
    if (owner === 0) return
    if (owner !== undefined)
      throw new PinyonError('FORBIDDEN', `run this as the server's user, who has ${path}: uid ${owner}`)
  }
}

/** Undefined where nothing is, or what is there cannot be told: whoever goes on says why. */
function ownerOf(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.uid
  } catch {
    return undefined
  }
}

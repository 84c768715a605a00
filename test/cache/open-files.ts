import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'

const DESCRIPTORS = '/proc/self/fd'

/** Options of node:test for a case that looks at this process's open files. */
export const COUNTS_FILES = { skip: existsSync(DESCRIPTORS) ? false : `needs ${DESCRIPTORS}` }

/** Files below a directory that this process has open, removed ones included. */
export function openFiles(directory: string): string[] {
  return readdirSync(DESCRIPTORS).flatMap((name) => {
    try {
      const path = readlinkSync(`${DESCRIPTORS}/${name}`)
      return path.startsWith(directory) ? [path] : []
    } catch {
      // The descriptor of this very listing.
      return []
    }
  })
}

/** Far more than closing a file takes, in milliseconds. */
const PATIENCE_MS = 10_000

/** Resolves when no more than so many files below a directory are open, since closing goes on in the background; else rejects. */
export async function waitForOpenFiles(directory: string, most: number): Promise<void> {
  const deadlineAt = performance.now() + PATIENCE_MS
  while (openFiles(directory).length > most) {
    if (performance.now() > deadlineAt) throw new Error(`still open: ${openFiles(directory).join(' ')}`)
    await nextTurn()
  }
}

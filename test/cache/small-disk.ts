import { execFileSync } from 'node:child_process'
import { statfsSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { TestContext } from 'node:test'

import { tempDir } from '../support/temp-dir.ts'

/**
 * A file system of 3 MiB until the test ends; undefined when mounting is not allowed here, though one is root.
 * @param options for mount, such as `nr_inodes=200`
 */
export function mountSmallDisk(t: TestContext, options = 'size=3m'): string | undefined {
  let mounted: string | undefined
  // Before its directory is removed, so lazily: the claims' database is closed later.
  t.after(() => mounted !== undefined && execFileSync('umount', ['--lazy', mounted]))
  const directory = tempDir(t)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  mounted = directory
  return directory
}

/** Resolves when half of it is free: a file that was removed and closed holds its room until the kernel has come to it. */
export async function waitForRoom(directory: string): Promise<void> {
  for (;;) {
    const { bfree, blocks } = statfsSync(directory)
    if (bfree * 2 > blocks) return
    await nextTurn()
  }
}

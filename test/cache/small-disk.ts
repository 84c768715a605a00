import { execFileSync } from 'node:child_process'
import type { TestContext } from 'node:test'

import { tempDir } from '../support/temp-dir.ts'

/** A file system of 3 MiB until the test ends; undefined when mounting is not allowed here, though one is root. */
export function mountSmallDisk(t: TestContext): string | undefined {
  let mounted: string | undefined
  // Before its directory is removed, so lazily: the claims' database is closed later.
  t.after(() => mounted !== undefined && execFileSync('umount', ['--lazy', mounted]))
  const directory = tempDir(t)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', directory], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  mounted = directory
  return directory
}

import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

/** Writes a file of an upstream that has not changed for long: one that changed just now has no validators to go by. */
export function writeSettledFile(root: string, name: string, content: string | Uint8Array): void {
  const path = join(root, name)
  writeFileSync(path, content)
  utimesSync(path, 1_600_000_000, 1_600_000_000)
}

/** The root of an upstream that has one file, `file`; it is gone when the test ends. */
export function createRoot(t: TestContext, content: string | Uint8Array = 'content'): string {
  const root = tempDir(t)
  writeSettledFile(root, 'file', content)
  return root
}

/** An upstream that has one file, `file`. */
export async function startSource(t: TestContext, content?: string | Uint8Array): Promise<Upstream> {
  return await startUpstream(t, createRoot(t, content))
}

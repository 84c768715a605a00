import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Writes a file of an upstream that has not changed for long: one that changed just now has no validators to go by. */
export function writeSettledFile(root: string, name: string, content: string | Uint8Array): void {
  const path = join(root, name)
  writeFileSync(path, content)
  utimesSync(path, 1_600_000_000, 1_600_000_000)
}

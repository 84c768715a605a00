import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { tempDir } from '../support/temp-dir.ts'

const ROOT = new URL('../../', import.meta.url).pathname

/** What a checkout holds of what is packed. */
const PACKED = [
  'src',
  'config',
  'docs',
  'bench',
  'CONTRIBUTING.md',
  'Dockerfile',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'LICENSE',
]

/** A copy of this checkout in which packages can be built: what a build writes does not get into the tests' own. */
export function copyCheckout(t: TestContext): string {
  const dir = tempDir(t)
  for (const path of PACKED) cpSync(join(ROOT, path), join(dir, path), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
  return dir
}

/** A URL of the sample repository. */
export function sampleUrl(dir: string): string {
  return `file://${join(dir, 'sample')}/`
}

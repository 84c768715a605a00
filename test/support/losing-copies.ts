import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { tempDir } from './temp-dir.ts'

/** Until the test ends, copies made by this process lose extended attributes. @returns what is said of that */
export function loseAttributes(t: TestContext): string {
  const dir = tempDir(t)
  const said = 'cp: setting attribute user.comment: No space left on device'
  writeFileSync(join(dir, 'cp'), `#!/bin/sh\necho "${said}" >&2\n`, { mode: 0o755 })
  const path = process.env['PATH']
  process.env['PATH'] = `${dir}:${path}`
  t.after(() => (process.env['PATH'] = path))
  return said
}

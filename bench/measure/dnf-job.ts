import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { DnfRoot } from '../../test/support/dnf.ts'
import type { CommandResult } from '../../test/support/run-command.ts'

/** What a job's dnf took, in seconds. */
export interface DnfTimes {
  readonly makecache: number
  readonly install: number
}

/** A job on a machine of its own: an empty root, no cache. @throws Error unless all packages are installed in the end */
export async function runDnfJob(baseurl: string, packages: readonly string[]): Promise<DnfTimes> {
  const dir = mkdtempSync(join(tmpdir(), 'pinyon-dnf-'))
  try {
    const root = new DnfRoot(dir, [{ id: 'bench', baseurl }])
    const makecache = await time(() => root.makecache())
    const install = await time(() => root.install(...packages))
    const installed = await root.installed()
    if (installed.length !== packages.length)
      throw new Error(
        `dnf was to install ${packages.length} packages from ${baseurl}, and did ${installed.length}`,
      )
    return { makecache, install }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function time(run: () => Promise<CommandResult>): Promise<number> {
  const startedAt = performance.now()
  const { code, stdout, stderr } = await run()
  if (code !== 0) throw new Error(`dnf ended with ${code}: ${stderr}${stdout}`)
  return (performance.now() - startedAt) / 1_000
}

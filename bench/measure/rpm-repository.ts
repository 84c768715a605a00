import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

import { mustRun } from '../../test/support/run-command.ts'
import type { Fixtures } from './fixtures.ts'
import type { RpmShare } from './rpm-thread.ts'
import { buildTemplates, packageName } from './rpm-templates.ts'

/** Payloads, taken in turn: most are small and a few are most of the bytes, as in a distribution. */
const SIZES = [8, 32, 128, 400, 1_500].map((kib) => kib << 10)

/** Of a payload, in bytes: a fifth of what those of CentOS Stream 9's AppStream have, so that a disk has room for a repository and its copy. */
export const AVERAGE_BYTES = SIZES.reduce((sum, bytes) => sum + bytes, 0) / SIZES.length

const PACKAGES = 'Packages'
const ENDING = '-1.0-1.noarch.rpm'

/** The directory of a repository of so many installable packages, with createrepo_c's metadata. */
export function getRpmRepository(fixtures: Fixtures, packages: number): Promise<string> {
  return fixtures.get(`rpms-${packages}`, (dir) => writeRpmRepository(dir, packages))
}

/** Writes it. */
async function writeRpmRepository(dir: string, packages: number): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'pinyon-rpms-'))
  try {
    const templates = await buildTemplates(work, SIZES)
    mkdirSync(join(dir, PACKAGES), { recursive: true })
    const step = availableParallelism()
    const share = { dir: join(dir, PACKAGES), ending: ENDING, templates, packages, step }
    await Promise.all(Array.from({ length: step }, (_, first) => writeShare({ ...share, first })))
    await mustRun('createrepo_c', ['--quiet', '--no-database', dir])
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

async function writeShare(share: RpmShare): Promise<void> {
  await once(new Worker(new URL(import.meta.resolve('./rpm-thread.ts')), { workerData: share }), 'exit')
}

/** Numbers of so many packages from all over a repository, of all sizes. */
export function spreadNumbers(wanted: number, packages: number): number[] {
  const step = Math.floor(packages / wanted)
  return Array.from(
    { length: wanted },
    (_, at) => at * step - ((at * step) % SIZES.length) + (at % SIZES.length),
  )
}

/** Where a package is in the repository. */
export function packagePath(number: number): string {
  return `${PACKAGES}/${packageName(number)}${ENDING}`
}

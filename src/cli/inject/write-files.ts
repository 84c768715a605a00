import { join } from 'node:path'

import { PinyonError } from '../../model/errors.ts'
import { holdSignals } from '../../system/hold-signals.ts'
import { replaceFiles } from '../../system/replacement.ts'
import type { InjectedFile } from './inject-targets.ts'
import { forgetYumCache } from './yum-cache.ts'

/** How files are written. */
export interface WriteOptions {
  /** Absolute, without symbolic links. */
  readonly root: string
  readonly keepYumCache: boolean
}

/**
 * Writes what changed, all of it or nothing, and has yum forget what that makes wrong: before, so that trouble with it changes nothing, and
 * after, as yum may run meanwhile. A signal ends the process when the files are as they were, or all written.
 *
 * @returns the files of yum's cache that were removed
 * @throws PinyonError naming the file that could not be written
 */
export async function writeFiles(
  files: readonly InjectedFile[],
  { root, keepYumCache }: WriteOptions,
): Promise<readonly string[]> {
  refuseDoubles(files)
  const changed = files.filter(
    ({ injection, output }) => output.before === undefined || !injection.bytes.equals(output.before),
  )
  const ids = keepYumCache ? [] : findMoved(files, root)
  const replacements = changed.map(({ target, injection, output: { path, before: old, facts } }) => ({
    path,
    bytes: injection.bytes,
    like: old === undefined ? target.path : path,
    ...(facts === undefined ? {} : { facts }),
  }))
  return await holdSignals(async (stop) => {
    const before = await forgetYumCache(root, ids)
    await replaceFiles(replacements, stop)
    return [...new Set([...before, ...(await forgetYumCache(root, ids))])]
  })
}

function refuseDoubles(files: readonly InjectedFile[]): void {
  const seen = new Set<string>()
  for (const { output } of files) {
    if (seen.has(output.path))
      throw new PinyonError(
        'INJECTION_REFUSED',
        `a list of URLs would become a file that is edited too: ${output.label}`,
      )
    seen.add(output.path)
  }
}

/** Ids whose packages come from elsewhere now, in files that the package manager of this root reads. */
function findMoved(files: readonly InjectedFile[], root: string): readonly string[] {
  const etc = join(root, 'etc/')
  return files
    .filter(({ target, output }) =>
      [output.path, join(root, target.name)].some((path) => path.startsWith(etc)),
    )
    .flatMap(({ injection }) => injection.injected.filter(({ url, previous }) => url !== previous))
    .map(({ id }) => id)
}

import { pathToFileURL } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'

import { resolveIndex } from '../../inject/index-resolution.ts'
import type { MirrorMap } from '../../inject/mirror-map.ts'
import { openIndexLoader } from './index-loader.ts'
import { INDEX_VARIABLE } from './index-variable.ts'

/** What an option or else the environment names; undefined when neither does. Empty counts as unset. */
export function findIndex(option: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  return [option, env[INDEX_VARIABLE]].find((text) => text !== undefined && text !== '')
}

/**
 * Reads an index with all it includes, within thirty seconds.
 *
 * @param reference an http, https, file or data URL, or a path
 * @param warn is told of tries that failed, a line each
 * @throws PinyonError saying what was tried and what was found
 */
export async function readIndex(reference: string, warn: (line: string) => void): Promise<MirrorMap> {
  const clock = {
    now: () => performance.now(),
    sleep: (ms: number) => sleep(ms),
    random: () => Math.random(),
  }
  const loader = openIndexLoader({ clock, warn })
  try {
    const map = await resolveIndex(reference, `${pathToFileURL(process.cwd()).href}/`, loader.load)
    return { ...map, elsewhere: loader.elsewhere }
  } finally {
    await loader.close()
  }
}

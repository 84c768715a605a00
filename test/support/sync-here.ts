import { App } from '../../src/app/app.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createSilentLogger } from '../../src/system/logger.ts'
import { ingestHere } from './ingest-here.ts'

/**
 * Syncs mirrors of a configuration file in this process, as `pinyon sync` does where no server runs, and fails unless all of them succeed:
 * for what a test begins with, as a process takes several times as long.
 * @param mirrors all that are configured unless told
 * @returns the names of their snapshots
 */
export async function syncHere(configFile: string, mirrors?: readonly string[]): Promise<string[]> {
  const config = loadConfig(configFile, {})
  const app = await App.open({ config, log: createSilentLogger(), createIngests: ingestHere() })
  try {
    await app.applyConfiguration()
    const names = mirrors ?? [...config.mirrors.keys()]
    return await Promise.all(
      names.map(async (name) => {
        const result = await app.sync(name)
        if (result.outcome === 'failed') throw result.error
        return result.snapshot.name
      }),
    )
  } finally {
    await app.close()
  }
}

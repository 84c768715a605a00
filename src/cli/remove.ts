import { existsSync } from 'node:fs'

import { createLayout } from '../cache/layout.ts'
import { removeMirror as removeEntry } from '../config/edit.ts'
import { LEAVING_IDENTITIES, loadConfig } from '../config/load.ts'
import type { Removal } from '../http/write-actions.ts'
import { noSuchMirror } from '../model/no-such-mirror.ts'
import { refuseUsed } from '../snapshot/gc/removal.ts'
import { changeConfig } from './change-config.ts'
import type { ExitCode, Options } from './exit.ts'
import { openServer } from './mirror-source.ts'
import { openStore } from './open-store.ts'

/** Options of `remove`. */
export interface RemoveOptions extends Options {
  /** Also while it is used. */
  readonly force?: boolean
  /** Only tell whether it can go. */
  readonly dryRun?: boolean
}

/** Takes a mirror out of the configuration file and so out of the index; its data stay for a while. Fails while it is used, naming by whom. */
export async function removeMirror(mirror: string, options: RemoveOptions): Promise<ExitCode> {
  const { force = false, dryRun = false } = options
  const path = `mirrors/${encodeURIComponent(mirror)}?force=${force ? 1 : 0}`
  const check = `${path}&dry_run=1`
  return await changeConfig(options, {
    cause: 'remove',
    there: async (server) =>
      describe(await server.write<Removal>({ method: 'DELETE', path: dryRun ? check : path }), dryRun),
    here: async () => {
      const config = loadConfig(options.config, process.env, LEAVING_IDENTITIES)
      if (!config.mirrors.has(mirror)) throw noSuchMirror(mirror, config.mirrors.keys(), config.file)
      const server = await openServer(options)
      try {
        const edit = dryRun ? undefined : (text: string) => removeEntry(text, mirror)
        if (server === undefined) {
          if (!force) await checkUse(mirror, options)
          return { edit, done: describe({ mirror, served_until: null }, dryRun) }
        }
        const checked = await server.write<Removal>({ method: 'DELETE', path: check })
        return { edit, done: describe(checked, dryRun) }
      } finally {
        await server?.close()
      }
    },
  })
}

function describe(
  { mirror, served_until: until }: Pick<Removal, 'mirror' | 'served_until'>,
  dryRun: boolean,
): string {
  const done = `${mirror}: ${dryRun ? 'can be removed' : 'removed'}`
  return until === null
    ? done
    : `${done}; URLs of its snapshots are answered until ${until}, then its data go`
}

/** What the data directory knows of a mirror's use, when no server can be asked. */
async function checkUse(mirror: string, options: Options): Promise<void> {
  const { database } = createLayout(loadConfig(options.config, process.env, LEAVING_IDENTITIES).dataDir)
  if (!existsSync(database)) return
  const store = await openStore(database)
  try {
    await refuseUsed(mirror, store.mirrorUse, Date.now())
  } finally {
    await store.close()
  }
}

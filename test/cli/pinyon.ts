import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { runCommand, type CommandOptions, type CommandResult } from '../support/run-command.ts'
import { syncHere } from '../support/sync-here.ts'
import { writeSyntheticRepository, type SyntheticPackage } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'

/** The program's entry. */
export const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

/** Runs a command line of pinyon to its end. */
export async function pinyon(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return await runCommand(process.execPath, [MAIN, ...args], {
    ...options,
    env: { PINYON_LOG: 'silent', ...options.env },
  })
}

/** A configuration file in a directory of its own, with mirrors of `file:` repositories beside it. */
export interface Farm {
  readonly dir: string
  readonly configFile: string
  readonly dataDir: string
  /** Publishes a generation of a mirror's repository. */
  publish(mirror: string, packages: readonly SyntheticPackage[], revision?: number): void
  /** Syncs all mirrors, or these, without a process of its own, and gives the names of their snapshots. */
  sync(...mirrors: readonly string[]): Promise<string[]>
  /** Runs a command with this configuration. */
  run(...args: readonly string[]): Promise<CommandResult>
}

/** Writes a configuration of these mirrors; those without a published generation fail to sync. */
export function createFarm(
  t: TestContext,
  mirrors: readonly string[],
  settings: Readonly<Record<string, unknown>> = {},
): Farm {
  const dir = tempDir(t)
  const configFile = join(dir, 'pinyon.yaml')
  const entries = mirrors.map((name) => [name, { baseurl: `file://${dir}/upstream/${name}/`, retries: 0 }])
  const config = {
    listen: '127.0.0.1:0',
    data_dir: './data',
    sync_interval: 'off',
    mirrors: Object.fromEntries(entries),
    ...settings,
  }
  writeFileSync(configFile, JSON.stringify(config))
  return {
    dir,
    configFile,
    dataDir: join(dir, 'data'),
    publish: (mirror, packages, revision) =>
      void writeSyntheticRepository(join(dir, 'upstream', mirror), {
        packages,
        ...(revision === undefined ? {} : { revision }),
      }),
    sync: (...names) => syncHere(configFile, names.length === 0 ? undefined : names),
    run: (...args) => pinyon([...args, '--config', configFile]),
  }
}

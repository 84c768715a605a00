import type { CommandLine } from './exit.ts'
import type { FetchOptions } from './fetch.ts'
import type { GcOptions } from './gc.ts'
import type { VerifyCommandOptions } from './verify.ts'

/** Adds the command that fetches what would else wait to be asked for. */
export function addFetch({ add, onDone }: CommandLine): void {
  add(
    'fetch',
    "fetch packages now that would else wait to be asked for; of a mirror's current snapshot, those that jobs use",
  )
    .argument('<mirror>', "the mirror's name")
    .argument(
      '[package...]',
      'these of its current snapshot, as dnf takes them: name, name-version, name.arch, *',
    )
    .option('--at-risk', 'what snapshots list and upstream does not any more, from any source that has it')
    .option('--all', 'all of the current snapshot')
    .option('--json', 'one line of JSON')
    .action(async (mirror: string, packages: string[], options: FetchOptions, command) => {
      const chosen = [packages.length > 0, options.atRisk === true, options.all === true].filter(Boolean)
      if (chosen.length > 1) command.error('error: name either packages, --at-risk or --all')
      const { fetchPackages } = await import('./fetch.ts')
      onDone(await fetchPackages(mirror, packages, options))
    })
}

/** Adds `gc`. */
export function addCollection({ add, onDone }: CommandLine): void {
  add('gc', 'retire snapshots by the rules of retention, and free what is not needed any more')
    .option('--dry-run', 'only print what would go, and why each other snapshot stays')
    .option('--wait', 'until the last file is deleted: a server does large deletions in the background')
    .option('--json', 'for scripts')
    .action(async (options: GcOptions) => {
      const { collect } = await import('./gc.ts')
      onDone(await collect(options))
    })
}

/** Adds `verify`. */
export function addVerification({ add, onDone }: CommandLine): void {
  add('verify', 'read everything stored, put aside what has rotted, and fetch it again')
    .option('--dry-run', 'only print what is wrong')
    .option('--rebuild', 'make the database anew from its inventory and the blobs; no server may run')
    .option('--json', 'for scripts')
    .action(async (options: VerifyCommandOptions) => {
      const { rebuildDatabase } = await import('./rebuild.ts')
      const { verifyBlobs } = await import('./verify.ts')
      onDone(options.rebuild === true ? await rebuildDatabase(options) : await verifyBlobs(options))
    })
}

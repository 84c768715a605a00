import type { AdoptOptions } from './adopt.ts'
import type { CommandLine } from './exit.ts'

/** Adds the command that takes over from an older mirror server. */
export function addAdoption({ add, onDone }: CommandLine): void {
  add('adopt', "take over an older mirror server's snapshots and packages, so that their URLs go on working")
    .argument('<dir>', 'where its mirrors are: <dir>/<mirror>/base, dated directories, latest.txt')
    .argument('[mirror...]', 'which mirrors; all that are there unless told')
    .option('--dry-run', 'only tell what would be adopted and what is missing; packages are not read')
    .option('--no-packages', 'only repodata: packages are then fetched from upstream when they are asked for')
    .option('--json', 'one line of JSON a mirror')
    .action(async (dir: string, mirrors: string[], options: AdoptOptions) => {
      // Only here: no other command should wait until what it needs is loaded.
      const { adoptTree } = await import('./adopt.ts')
      onDone(await adoptTree(dir, mirrors, options))
    })
}

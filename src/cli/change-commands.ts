import type { BisectOptions } from './bisect.ts'
import type { CommandLine, Options } from './exit.ts'

/** Adds the commands that tell what changed, and what that broke. */
export function addChanges({ add, onDone }: CommandLine): void {
  add(
    'diff',
    'in what two snapshots differ: replaced in place, downgraded, removed, upgraded, added, advisories',
  )
    .argument('<mirror>', "the mirror's name")
    .argument('[from]', 'a snapshot; the one before the current one unless told')
    .argument('[to]', 'a snapshot; `current`, which is the default, and `newest` are understood')
    .option('--json', 'for scripts')
    .action(async (mirror: string, from: string | undefined, to: string | undefined, options: Options) => {
      const { showDiff } = await import('./diff.ts')
      onDone(await showDiff(mirror, { from, to }, options))
    })
  add('bisect', 'find the first snapshot for which a command fails, in few runs')
    .argument('<mirror>', "the mirror's name")
    .argument('<good>', 'a snapshot for which it succeeds, older or newer than the other')
    .argument('<bad>', 'a snapshot for which it fails')
    .requiredOption(
      '--run <command>',
      'for sh, with PINYON_MIRROR, PINYON_SNAPSHOT and PINYON_BASEURL set; exits 0: good; 125: cannot say, as when a package is lost; else up to 127: bad',
    )
    .option(
      '--base <url>',
      "the server's URL; that of --server, else public_url, else where it listens, unless told",
    )
    .option('--check-ends', 'run it for the good and the bad one first')
    .option('--json', 'for scripts')
    .action(async (mirror: string, good: string, bad: string, options: BisectOptions) => {
      const { bisectMirror } = await import('./bisect.ts')
      onDone(await bisectMirror(mirror, { good, bad }, options))
    })
}

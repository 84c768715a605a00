import { InvalidArgumentError, Option, type Command } from 'commander'

import { parseSnapshotName } from '../model/snapshot-name.ts'
import type { CommandLine, Options } from './exit.ts'
import type { GenerationsOptions } from './generations.ts'
import type { FarmOptions, PinOptions } from './pin.ts'
import type { RemoveOptions } from './remove.ts'
import type { ViewsOptions } from './views.ts'

// What a command needs is loaded when it is called: loading everything takes a quarter of a second.

/** Adds the commands that run the server and look after it. */
export function addOperation({ add, onDone }: CommandLine): void {
  add('serve', 'run the proxy; SIGTERM lets running answers finish').action(async ({ config }: Options) => {
    const { serve } = await import('./serve.ts')
    onDone(await serve(config))
  })
  add('check-config', 'validate the configuration and print what it comes to').action(
    async ({ config }: Options) => {
      const { checkConfig } = await import('./check-config.ts')
      onDone(await checkConfig(config))
    },
  )
  add('status', 'every mirror: its current snapshot, its last sync, and what went wrong')
    .option('--json', 'for scripts')
    .action(async (options: Options) => {
      const { showStatus } = await import('./status.ts')
      onDone(await showStatus(options))
    })
  add('sync', 'look upstream now and publish what is new')
    .argument('[mirror...]', 'which mirrors; all enabled ones unless told')
    .option('--json', 'one line of JSON a mirror')
    .action(async (mirrors: string[], options: Options) => {
      const { syncMirrors } = await import('./sync.ts')
      onDone(await syncMirrors(mirrors, options))
    })
}

/** Adds the commands that decide what is current. */
export function addPins({ add, onDone }: CommandLine): void {
  const why = new Option('--why <text>', "becomes the line's comment")
  add('pin', "make a snapshot a mirror's current one, through later syncs, until unpin")
    .argument('<mirror>', "the mirror's name")
    .argument('<snapshot>', 'one of those that snapshots lists', readSnapshotName)
    .addOption(why)
    .action(async (mirror: string, snapshot: string, options: PinOptions) => {
      const { pinMirror } = await import('./pin.ts')
      onDone(await pinMirror(mirror, snapshot, options))
    })
  add('unpin', "make a mirror's newest snapshot its current one again")
    .argument('<mirror>', "the mirror's name")
    .action(async (mirror: string, options: Options) => {
      const { unpinMirror } = await import('./pin.ts')
      onDone(await unpinMirror(mirror, options))
    })
  add('rollback', 'pin a mirror to the snapshot before its current one, or the whole farm to a generation')
    .argument('[mirror]', "the mirror's name")
    .option('--generation <n>', 'every mirror as it was then', readGeneration)
    .option('--dry-run', 'with --generation: only print the pins')
    .addOption(why)
    .action(
      async (
        mirror: string | undefined,
        options: FarmOptions & { generation?: string },
        command: Command,
      ) => {
        const { generation } = options
        if ((mirror === undefined) === (generation === undefined))
          command.error('error: name either a mirror or --generation')
        const { rollBackFarm, rollBackMirror } = await import('./pin.ts')
        if (generation !== undefined) onDone(await rollBackFarm(generation, options))
        else if (mirror !== undefined) onDone(await rollBackMirror(mirror, options))
      },
    )
}

function readSnapshotName(text: string): string {
  if (parseSnapshotName(text) !== undefined) return text
  throw new InvalidArgumentError("Expected a snapshot's name such as 2026-11-22-02-13.")
}

function readGeneration(text: string): string {
  if (/^\d{1,15}$/.test(text)) return text
  throw new InvalidArgumentError('Expected a number, of those that generations lists.')
}

/** Adds the command that ends a mirror. */
export function addRemoval({ add, onDone }: CommandLine): void {
  add('remove', 'take a mirror out of the configuration and the index; its data go after a while')
    .argument('<mirror>', "the mirror's name")
    .option('--force', 'also while clients use it, or a view holds it')
    .option('--dry-run', 'change nothing; only tell whether it can go')
    .action(async (mirror: string, options: RemoveOptions) => {
      const { removeMirror } = await import('./remove.ts')
      onDone(await removeMirror(mirror, options))
    })
}

/** Adds the commands that show what was. */
export function addHistory({ add, onDone }: CommandLine): void {
  add('snapshots', "a mirror's snapshots, newest first")
    .argument('<mirror>', "the mirror's name")
    .option('--json', 'for scripts')
    .action(async (mirror: string, options: Options) => {
      const { listSnapshots } = await import('./snapshots.ts')
      onDone(await listSnapshots(mirror, options))
    })
  add('generations', 'when the index changed, what changed, why and by whom; newest first')
    .option('--mirror <mirror>', 'only what changed this one')
    .option('--json', 'for scripts')
    .action(async (options: GenerationsOptions) => {
      const { listGenerations } = await import('./generations.ts')
      onDone(await listGenerations(options))
    })
  add('views', 'the states of the index that jobs hold, by whom, and until when')
    .option('--end <name>', 'end this one now: what it held is no longer kept for it')
    .option('--end-all', 'end all those of --client')
    .option('--client <address>', 'of an IPv6 address: of its network')
    .option('--json', 'for scripts')
    .action(async (options: ViewsOptions) => {
      const { runViews } = await import('./views.ts')
      onDone(await runViews(options))
    })
}

import { Command, CommanderError, Option } from 'commander'

import { PinyonError } from '../model/errors.ts'
import { VERSION } from '../system/version.ts'
import { checkConfig } from './check-config.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { listGenerations, type GenerationsOptions } from './generations.ts'
import { formatExamples, OVERVIEW } from './help.ts'
import {
  pinMirror,
  rollBackFarm,
  rollBackMirror,
  unpinMirror,
  type FarmOptions,
  type PinOptions,
} from './pin.ts'
import { serve } from './serve.ts'
import { listSnapshots } from './snapshots.ts'
import { showStatus } from './status.ts'
import { syncMirrors } from './sync.ts'
import { toPrintable } from './table.ts'

/** Runs one command line (`process.argv`'s form); resolves with its exit code. Errors are printed, never thrown. */
export async function runCli(argv: readonly string[]): Promise<ExitCode> {
  // `pinyon snapshots epel-el9 | head -1`: who reads no further does not mean that anything failed, least of all a server.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  let code: ExitCode = EXIT.done
  const program = createProgram((done) => (code = done))
  try {
    await program.parseAsync(argv)
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    const message = error instanceof PinyonError ? error.message : ((error as Error).stack ?? String(error))
    process.stderr.write(`${message.split('\n').map(toPrintable).join('\n')}\n`)
    return EXIT.failed
  }
}

function createProgram(onDone: (code: ExitCode) => void): Command {
  const program = new Command('pinyon')
    .description(
      'Pinned yum, on demand: immutable snapshots of package repositories, packages fetched when first asked for.',
    )
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(see pinyon --help)')
    .addHelpText('after', OVERVIEW)
  const add = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .addHelpText('after', formatExamples(name))
      .addOption(
        new Option('-c, --config <file>', 'the configuration file')
          .env('PINYON_CONFIG')
          .default('config/pinyon.yaml'),
      )
  add('serve', 'run the proxy; SIGTERM lets running answers finish').action(async ({ config }: Options) =>
    onDone(await serve(config)),
  )
  add('check-config', 'validate the configuration and print what it comes to').action(({ config }: Options) =>
    onDone(checkConfig(config)),
  )
  add('status', 'every mirror: its current snapshot, its last sync, and what went wrong')
    .option('--json', 'for scripts')
    .action(async (options: Options) => onDone(await showStatus(options)))
  add('sync', 'look upstream now and publish what is new')
    .argument('[mirror...]', 'which mirrors; all enabled ones unless told')
    .option('--json', 'one line of JSON a mirror')
    .action(async (mirrors: string[], options: Options) => onDone(await syncMirrors(mirrors, options)))
  add('snapshots', "a mirror's snapshots, newest first")
    .argument('<mirror>', "the mirror's name")
    .option('--json', 'for scripts')
    .action(async (mirror: string, options: Options) => onDone(await listSnapshots(mirror, options)))
  const why = new Option('--why <text>', "becomes the line's comment")
  add('pin', "make a snapshot a mirror's current one, through later syncs, until unpin")
    .argument('<mirror>', "the mirror's name")
    .argument('<snapshot>', 'one of those that snapshots lists')
    .addOption(why)
    .action(async (mirror: string, snapshot: string, options: PinOptions) =>
      onDone(await pinMirror(mirror, snapshot, options)),
    )
  add('unpin', "make a mirror's newest snapshot its current one again")
    .argument('<mirror>', "the mirror's name")
    .action(async (mirror: string, options: Options) => onDone(await unpinMirror(mirror, options)))
  add('rollback', 'pin a mirror to the snapshot before its current one, or the whole farm to a generation')
    .argument('[mirror]', "the mirror's name")
    .option('--generation <n>', 'every mirror as it was then')
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
        if (generation !== undefined) onDone(await rollBackFarm(generation, options))
        else if (mirror !== undefined) onDone(await rollBackMirror(mirror, options))
      },
    )
  add('generations', 'when the index changed, what changed, and why; newest first')
    .option('--mirror <mirror>', 'only what changed this one')
    .option('--json', 'for scripts')
    .action(async (options: GenerationsOptions) => onDone(await listGenerations(options)))
  return program
}

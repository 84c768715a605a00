import { Command, CommanderError, Option } from 'commander'

import { PinyonError } from '../model/errors.ts'
import { VERSION } from '../system/version.ts'
import { addAdoption } from './adopt-command.ts'
import { addChanges } from './change-commands.ts'
import { addHistory, addOperation, addPins, addRemoval } from './commands.ts'
import { EXIT, type CommandLine, type ExitCode } from './exit.ts'
import { addImport, addInject } from './file-commands.ts'
import { formatExamples, OVERVIEW } from './help.ts'
import { addCollection, addFetch, addVerification } from './store-commands.ts'
import { toPrintable } from './table.ts'
import { addDoctor, addUsage, addWhy } from './telling-commands.ts'

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
    process.stderr.write(`${message.split('\n').map(toPrintable).join('\n')}\n${adviseOn(error)}`)
    return EXIT.failed
  }
}

/** What else to do about an error that is not its own to say. */
function adviseOn(error: unknown): string {
  const { code, cause } = error as { code?: string; cause?: { code?: string } }
  const isMissing = code === 'CONFIG_INVALID' && cause?.code === 'ENOENT'
  return isMissing
    ? '--config FILE or PINYON_CONFIG names another; config/examples/ has some to begin with\n'
    : ''
}

/** Every command, in the order that the help lists them. */
const COMMANDS: readonly ((cli: CommandLine) => void)[] = [
  addOperation,
  addDoctor,
  addFetch,
  addImport,
  addInject,
  addAdoption,
  addPins,
  addRemoval,
  addHistory,
  addChanges,
  addUsage,
  addCollection,
  addVerification,
  addWhy,
]

/** Without `[options]`, which every command has: descriptions then have room on a terminal of 80 columns. */
function nameWithArguments(command: Command): string {
  const names = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`
    return argument.required ? `<${name}>` : `[${name}]`
  })
  return [command.name(), ...names].join(' ')
}

/** Commands that ask no server. */
const LOCAL = new Set(['serve', 'check-config', 'doctor', 'import', 'inject', 'adopt'])

function createServerOption(): Option {
  const text =
    "the URL of a server to ask instead of this machine's; PINYON_TOKEN holds a token for what changes something"
  return fromEnvironment(new Option('--server <url>', text), 'PINYON_SERVER')
}

/** An option that a variable of the environment stands in for; one that is empty is not set. */
function fromEnvironment(option: Option, variable: string): Option {
  return process.env[variable] === '' ? option : option.env(variable)
}

/** The whole command line, as its help shows it. */
export function createProgram(onDone: (code: ExitCode) => void): Command {
  const program = new Command('pinyon')
    .description(
      'Pinned yum, on demand: immutable snapshots of package repositories, packages fetched when first asked for.',
    )
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(see pinyon --help)')
    .configureHelp({ subcommandTerm: nameWithArguments })
    .addHelpText('after', OVERVIEW)
  const add = (name: string, description: string) => {
    const command = program
      .command(name)
      .description(description)
      .addHelpText('after', formatExamples(name))
      .addOption(
        fromEnvironment(
          new Option('-c, --config <file>', 'the configuration file').default('config/pinyon.yaml'),
          'PINYON_CONFIG',
        ),
      )
    return LOCAL.has(name) ? command : command.addOption(createServerOption())
  }
  for (const addCommands of COMMANDS) addCommands({ add, onDone })
  return program
}

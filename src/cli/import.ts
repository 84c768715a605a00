import { InvalidArgumentError, Option } from 'commander'

import { ARCH_WORDS } from '../config/arches.ts'
import { parseConfig } from '../config/load.ts'
import { EXIT, type CommandLine, type ExitCode } from './exit.ts'
import { readArches } from './import-arches.ts'
import { readYumFiles } from './import-files.ts'
import { importSections, type ImportedSections } from './import-sections.ts'
import { formatImport } from './import-text.ts'
import { toPrintable } from './table.ts'

interface ImportOptions {
  readonly releasever?: string
  readonly basearch?: string
  readonly arches?: readonly string[]
  readonly var: ReadonlyMap<string, string>
}

/** Adds the command that makes mirrors of yum and dnf configuration. */
export function addImport({ add, onDone }: CommandLine): void {
  add(
    'import',
    'print mirrors: for yum and dnf configuration, with a comment for what cannot be carried over',
  )
    .argument('<file...>', 'yum.conf, *.repo, a directory of these, or - for standard input')
    .option('--releasever <version>', 'what $releasever stands for, such as 9')
    .option('--basearch <arch>', 'what $basearch stands for, such as x86_64')
    .addOption(
      new Option('--arches <list>', 'as one mirror: all that $basearch stands for, such as x86_64,aarch64')
        .argParser(readArches)
        .conflicts('basearch'),
    )
    .option(
      '--var <name=value>',
      'what another variable stands for; may be repeated',
      readVariable,
      new Map(),
    )
    .action(async (paths: string[], options: ImportOptions) => onDone(await importFiles(paths, options)))
}

function readVariable(text: string, known: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const [, name, value] = /^([A-Za-z0-9_]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('It is not NAME=VALUE.')
  return new Map([...known, [name, value]])
}

/** Exits 3 when no section could become a mirror. Throws ConfigError with everything wrong with the files. */
async function importFiles(paths: readonly string[], options: ImportOptions): Promise<ExitCode> {
  const { releasever, basearch, arches } = options
  const variables = new Map(options.var)
  if (releasever !== undefined) variables.set('releasever', releasever)
  if (basearch !== undefined) variables.set('basearch', basearch)
  if (arches !== undefined) for (const [name, word] of Object.entries(ARCH_WORDS)) variables.set(name, word)
  const files = await readYumFiles(paths)
  const imported = importSections(files, variables, arches)
  const text = formatImport(
    files.map(({ label }) => label),
    imported,
  )
  // What it prints is to be relied on: better no configuration than one that is refused later.
  parseConfig('the configuration that this would make', text, {})
  process.stdout.write(text)
  process.stderr.write(summarize(imported))
  return imported.mirrors.some(({ refusal }) => refusal === undefined) ? EXIT.done : EXIT.nothing
}

/** For people: what is written, and what is not and why. */
function summarize({ mirrors, secrets }: ImportedSections): string {
  const left = mirrors.filter(({ refusal }) => refusal !== undefined)
  const written = mirrors.length - left.length
  const disabled = mirrors.filter(
    ({ refusal, keys }) =>
      refusal === undefined && keys.some(([key, value]) => key === 'enabled' && value === false),
  )
  const counts = [
    `${written} ${written === 1 ? 'mirror' : 'mirrors'} written`,
    ...(disabled.length > 0 ? [`${disabled.length} of them disabled`] : []),
    ...(left.length > 0 ? [`${left.length} left out`] : []),
  ]
  const lines = [
    counts.join(', '),
    ...left.map(({ id, place, refusal }) => `left out: ${id} (${place}): ${refusal ?? ''}`),
    ...(secrets.length > 0 ? [`to be set in pinyon's environment: ${secrets.join(', ')}`] : []),
  ]
  return lines.map((line) => `${toPrintable(line)}\n`).join('')
}

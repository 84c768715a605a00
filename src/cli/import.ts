import { InvalidArgumentError } from 'commander'

import { parseConfig } from '../config/load.ts'
import { EXIT, type CommandLine, type ExitCode } from './exit.ts'
import { readYumFiles, type YumFile } from './import-files.ts'
import { importSection, type ImportedMirror } from './import-mirror.ts'
import { SecretVariables } from './import-secrets.ts'
import { noteMain, type MainSection } from './import-settings.ts'
import { formatImport } from './import-text.ts'
import { toPrintable } from './table.ts'

interface ImportOptions {
  readonly releasever?: string
  readonly basearch?: string
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
  const { releasever, basearch } = options
  const variables = new Map(options.var)
  if (releasever !== undefined) variables.set('releasever', releasever)
  if (basearch !== undefined) variables.set('basearch', basearch)
  const secrets = new SecretVariables()
  const files = await readYumFiles(paths)
  const { mains, mirrors } = importSections(files, variables, secrets)
  const text = formatImport(
    files.map(({ label }) => label),
    mains,
    mirrors,
  )
  // What it prints is to be relied on: better no configuration than one that is refused later.
  parseConfig('the configuration that this would make', text, {})
  process.stdout.write(text)
  process.stderr.write(summarize(mirrors, secrets.names))
  return mirrors.some(({ refusal }) => refusal === undefined) ? EXIT.done : EXIT.nothing
}

function importSections(
  files: readonly YumFile[],
  variables: ReadonlyMap<string, string>,
  secrets: SecretVariables,
): { readonly mains: readonly MainSection[]; readonly mirrors: readonly ImportedMirror[] } {
  const mains: MainSection[] = []
  const mirrors: ImportedMirror[] = []
  const places = new Map<string, string>()
  for (const { label, sections } of files) {
    const found = sections.find(({ id }) => id === 'main')
    if (found !== undefined) mains.push({ label, section: found, notes: new Set() })
    // Its own, or that of the file before: yum.conf's holds for the *.repo files named after it.
    const main = mains.at(-1)
    if (found !== undefined && main !== undefined) noteMain(main)
    for (const section of sections) {
      if (section === found) continue
      const mirror = importSection(label, section, main, { variables, secrets })
      const first = places.get(mirror.id)
      mirrors.push(first === undefined ? mirror : refuseSecond(mirror, first))
      if (first === undefined) places.set(mirror.id, mirror.place)
    }
  }
  return { mains, mirrors }
}

/** Sections of one file are joined by then. */
function refuseSecond(mirror: ImportedMirror, first: string): ImportedMirror {
  return { ...mirror, refusal: `yum and dnf take the first repository of this id, which is ${first}` }
}

function summarize(mirrors: readonly ImportedMirror[], secrets: readonly string[]): string {
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

import { ARCH_WORDS } from '../config/arches.ts'
import { parseConfig } from '../config/load.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { readYumFiles } from './import-files.ts'
import { importSections, type ImportedSections } from './import-sections.ts'
import { formatImport } from './import-text.ts'
import { toPrintable } from './table.ts'

/** Options of `import`. */
export interface ImportOptions {
  readonly releasever?: string
  readonly basearch?: string
  readonly arches?: readonly string[]
  readonly var: ReadonlyMap<string, string>
}

/** Exits 3 when no section could become a mirror. Throws ConfigError with everything wrong with the files. */
export async function importFiles(paths: readonly string[], options: ImportOptions): Promise<ExitCode> {
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

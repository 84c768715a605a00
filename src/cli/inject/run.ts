import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { detectFormat } from '../../inject/detect-format.ts'
import { readConfigBytes } from '../../config/read.ts'
import { injectConfig, type ConfigFormat, type InjectOptions } from '../../inject/inject.ts'
import type { MirrorMap } from '../../inject/mirror-map.ts'
import { unifiedDiff } from '../../inject/unified-diff.ts'
import { PinyonError } from '../../model/errors.ts'
import { replaceFiles, type Replacement } from '../../system/replacement.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { toPrintable } from '../table.ts'
import { findIndex, INDEX_VARIABLE, readIndex } from './index-source.ts'
import { formatInjected, formatRemarks, formatReport, type InjectedFile, type RunFacts } from './report.ts'
import { isAbsent, resolveWithin } from './root.ts'
import { readTargets, type Target } from './targets.ts'
import { readVariables, type GivenVariables } from './variables.ts'
import { forgetYumCache } from './yum-cache.ts'

/** Options of `inject`. */
export interface InjectCommandOptions
  extends Pick<InjectOptions, 'proxy' | 'keepPinned' | 'onlyMirrored'>, GivenVariables {
  readonly index?: string
  readonly strict?: boolean
  readonly failOpen?: boolean
  readonly dryRun?: boolean
  readonly diff?: boolean
  readonly root?: string
  readonly format?: ConfigFormat
  readonly repofrompath?: boolean
  readonly keepYumCache?: boolean
  readonly json?: boolean
}

/**
 * Puts mirrors into configuration files. Nothing is changed unless all of it can be.
 * @returns 3 when no file was found, or nothing in them is in the index
 * @throws PinyonError for an index that cannot be read, unless that is not to matter, and for files that cannot be edited
 */
export async function injectFiles(
  operands: readonly string[],
  options: InjectCommandOptions,
): Promise<ExitCode> {
  const root = options.root === undefined ? undefined : await openRoot(options.root)
  const { targets, empty } = await readTargets(operands, root)
  for (const operand of empty) say(`no configuration file in: ${operand}`)
  if (targets.length === 0) return EXIT.nothing
  const { map, indexError } = await readMap(options)
  const variables = await readVariables(root ?? '/', options)
  const files = injectAll(targets, map, { ...options, variables, indexError })
  process.stderr.write(formatRemarks(files))
  if (
    options.strict === true &&
    indexError === undefined &&
    files.some(({ injection }) => injection.unmatched.length > 0)
  ) {
    say('nothing was changed: with --strict every enabled repository has to have a mirror')
    if (options.json === true)
      process.stdout.write(formatReport(files, { isWritten: false, indexError, empty, forgotten: [] }))
    return EXIT.failed
  }
  const isDryRun = options.dryRun === true || options.repofrompath === true
  const forgotten = isDryRun ? [] : await writeAll(files, root ?? '/', options)
  process.stdout.write(formatOutput(files, { isWritten: !isDryRun, indexError, empty, forgotten }, options))
  if (indexError !== undefined || options.failOpen === true) return EXIT.done
  const isDone = files.some(({ injection }) => injection.injected.length > 0 || injection.changed)
  if (!isDone) say('no repository of these files is in the index')
  return isDone ? EXIT.done : EXIT.nothing
}

function say(line: string): void {
  process.stderr.write(`${toPrintable(line)}\n`)
}

async function openRoot(root: string): Promise<string> {
  try {
    return await realpath(root)
  } catch (error) {
    throw new PinyonError('INJECTION_REFUSED', `expected --root to be a directory, found nothing: ${root}`, {
      cause: error,
    })
  }
}

/** The index; where one that cannot be read is not to matter, an empty one and the reason. */
async function readMap({
  index,
  failOpen,
}: InjectCommandOptions): Promise<{ readonly map: MirrorMap; readonly indexError?: string }> {
  try {
    const reference = findIndex(index, process.env)
    if (reference === undefined)
      throw new PinyonError(
        'INDEX_INVALID',
        `no index is named: neither --index nor ${INDEX_VARIABLE} is set`,
      )
    return { map: await readIndex(reference, say) }
  } catch (error) {
    if (!(error instanceof PinyonError) || failOpen !== true) throw error
    say(`warning: nothing is injected: ${error.message}`)
    return { map: { mirrors: new Map(), before: new Map() }, indexError: error.message }
  }
}

function injectAll(
  targets: readonly Target[],
  map: MirrorMap,
  options: InjectCommandOptions & {
    readonly variables: ReadonlyMap<string, string>
    readonly indexError: string | undefined
  },
): readonly InjectedFile[] {
  const problems: string[] = []
  const files: InjectedFile[] = []
  const rules: InjectOptions = {
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    keepPinned: options.keepPinned === true,
    // Without an index that would be all of them.
    onlyMirrored: options.onlyMirrored === true && options.indexError === undefined,
    variables: options.variables,
    reposOutput: options.repofrompath === true ? 'repofrompath' : 'repo',
  }
  for (const target of targets) {
    const format = options.format ?? detectFormat(basename(target.path), target.bytes)
    try {
      if (options.repofrompath === true && format !== 'repos')
        throw new PinyonError(
          'INJECTION_REFUSED',
          'expected a list of URLs for --repofrompath, found a configuration',
        )
      const injection = injectConfig(target.bytes, format, map, rules)
      files.push({ target, format, injection, destination: destinationOf(target.label, format) })
    } catch (error) {
      problems.push(describeRefusal(target.label, error))
    }
  }
  if (problems.length > 0) throw new PinyonError('INJECTION_REFUSED', problems.join('\n'))
  return files
}

function describeRefusal(label: string, error: unknown): string {
  if (!(error instanceof PinyonError) || error.code !== 'INJECTION_REFUSED') throw error
  const { line, expected, found } = error.facts
  if (typeof line !== 'number' || line === 0) return `${label}: ${error.message}`
  return `${label}:${line}: expected ${String(expected)}, found ${String(found)}`
}

/** `x.repos` makes `x.repo`. */
function destinationOf(label: string, format: ConfigFormat): string {
  return format === 'repos' ? `${label.replace(/\.repos$/, '')}.repo` : label
}

/** Writes what changed, and has yum forget what that makes wrong: before, so that trouble with it changes nothing, and after, as yum may run. */
async function writeAll(
  files: readonly InjectedFile[],
  root: string,
  { keepYumCache }: InjectCommandOptions,
): Promise<readonly string[]> {
  const replacements: Replacement[] = []
  for (const file of files) {
    const replacement = await planReplacement(file, root)
    if (replacement !== undefined) replacements.push(replacement)
  }
  refuseDoubles(replacements)
  const ids = keepYumCache === true ? [] : findMoved(files, root)
  const before = await forgetYumCache(root, ids)
  await replaceFiles(replacements)
  return [...new Set([...before, ...(await forgetYumCache(root, ids))])]
}

async function planReplacement(
  { target, injection, format }: InjectedFile,
  root: string,
): Promise<Replacement | undefined> {
  const { path, facts } = target
  if (format !== 'repos')
    return injection.changed ? { path, like: path, bytes: injection.bytes, facts } : undefined
  const { bytes } = injection
  const name = destinationOf(target.name, format)
  try {
    const existing = await resolveWithin(root, name)
    const isSame =
      readConfigBytes(existing)?.length === bytes.length && bytes.equals(readConfigBytes(existing) ?? bytes)
    return isSame ? undefined : { path: existing, like: existing, bytes }
  } catch (error) {
    if (!isAbsent(error)) throw error
    return { path: join(await resolveWithin(root, dirname(name)), basename(name)), like: path, bytes }
  }
}

function refuseDoubles(replacements: readonly Replacement[]): void {
  const seen = new Set<string>()
  for (const { path } of replacements) {
    if (seen.has(path))
      throw new PinyonError(
        'INJECTION_REFUSED',
        `a list of URLs would become a file that is edited too: ${path}`,
      )
    seen.add(path)
  }
}

/** Ids whose packages come from elsewhere now, in files that the package manager of this root reads. */
function findMoved(files: readonly InjectedFile[], root: string): readonly string[] {
  const etc = join(root, 'etc/')
  return files
    .filter(({ target }) => [target.path, join(root, target.name)].some((path) => path.startsWith(etc)))
    .flatMap(({ injection }) =>
      injection.injected.filter(({ url, previous }) => url !== previous).map(({ id }) => id),
    )
}

function formatOutput(
  files: readonly InjectedFile[],
  facts: RunFacts,
  options: InjectCommandOptions,
): string | Buffer {
  if (options.json === true) return formatReport(files, facts)
  if (options.diff === true) return files.map(diffOf).join('')
  if (facts.isWritten) return formatInjected(files)
  const [first, ...more] = files
  if (first === undefined || more.length === 0 || options.repofrompath === true)
    return Buffer.concat(files.map(({ injection }) => injection.bytes))
  return Buffer.concat(
    files.flatMap(({ destination, injection }) => [Buffer.from(`==> ${destination} <==\n`), injection.bytes]),
  )
}

function diffOf({ target, injection, destination, format }: InjectedFile): string {
  const before = format === 'repos' ? new Uint8Array() : target.bytes
  return unifiedDiff(before, injection.bytes, { from: target.label, to: destination })
}

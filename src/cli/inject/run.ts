import { realpath } from 'node:fs/promises'

import type { ConfigFormat, InjectOptions } from '../../inject/inject.ts'
import type { MirrorMap } from '../../inject/mirror-map.ts'
import { PinyonError } from '../../model/errors.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { toPrintable } from '../table.ts'
import { findIndex, readIndex } from './index-source.ts'
import { INDEX_VARIABLE } from './index-variable.ts'
import { injectTargets, type InjectedFile } from './inject-targets.ts'
import { formatOutput, formatRemarks, type RunFacts } from './report.ts'
import { readTargets } from './targets.ts'
import { readVariables, type GivenVariables } from './variables.ts'
import { writeFiles } from './write-files.ts'

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
 *
 * @returns 3 when no file was found, or nothing in them is in the index
 * @throws PinyonError for an index that cannot be read, unless that is not to matter, and for files that cannot be edited
 */
export async function injectFiles(
  operands: readonly string[],
  options: InjectCommandOptions,
): Promise<ExitCode> {
  const given = options.root === undefined ? undefined : await openRoot(options.root)
  const { targets, empty } = await readTargets(operands, given)
  for (const operand of empty) say(`no configuration file in: ${operand}`)
  if (targets.length === 0) {
    const facts = { isWritten: false, indexError: undefined, empty, forgotten: [] }
    if (options.json === true) process.stdout.write(formatOutput([], facts, options))
    return EXIT.nothing
  }
  const root = given ?? '/'
  const { map, indexError } = await readMap(options)
  const files = await injectTargets(targets, map, {
    ...(await chooseRules(root, options, indexError)),
    root,
    format: options.format,
  })
  process.stderr.write(formatRemarks(files))
  const isRefused = options.strict === true && indexError === undefined && hasUnmatched(files)
  const isWritten = !isRefused && options.dryRun !== true && options.repofrompath !== true
  const keepYumCache = options.keepYumCache === true
  const forgotten = isWritten ? await writeFiles(files, { root, keepYumCache }) : []
  const facts = { isWritten, indexError, empty, forgotten }
  if (isRefused) return refuse(files, facts, options)
  process.stdout.write(formatOutput(files, facts, options))
  return concludeWith(files, indexError !== undefined || options.failOpen === true)
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
      throw new PinyonError('INDEX_INVALID', `neither --index nor ${INDEX_VARIABLE} names an index`)
    return { map: await readIndex(reference, say) }
  } catch (error) {
    if (!(error instanceof PinyonError) || failOpen !== true) throw error
    say(`warning: nothing is injected: ${error.message}`)
    return { map: { mirrors: new Map(), before: new Map() }, indexError: error.message }
  }
}

async function chooseRules(
  root: string,
  options: InjectCommandOptions,
  indexError: string | undefined,
): Promise<InjectOptions> {
  return {
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    keepPinned: options.keepPinned === true,
    // Without an index that would be all of them.
    onlyMirrored: options.onlyMirrored === true && indexError === undefined,
    variables: await readVariables(root, options),
    reposOutput: options.repofrompath === true ? 'repofrompath' : 'repo',
  }
}

function hasUnmatched(files: readonly InjectedFile[]): boolean {
  return files.some(({ injection }) => injection.unmatched.length > 0)
}

function refuse(files: readonly InjectedFile[], facts: RunFacts, options: InjectCommandOptions): ExitCode {
  if (options.json === true) process.stdout.write(formatOutput(files, facts, options))
  say('nothing was changed: with --strict every enabled repository has to have a mirror')
  return EXIT.failed
}

function concludeWith(files: readonly InjectedFile[], isDoneAnyway: boolean): ExitCode {
  if (isDoneAnyway || files.some(({ injection }) => injection.injected.length > 0 || injection.changed))
    return EXIT.done
  say('no repository of these files is in the index')
  return EXIT.nothing
}

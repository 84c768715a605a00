import type { BigIntStats } from 'node:fs'
import { basename, dirname, join } from 'node:path'

import { readConfigBytes } from '../../config/read.ts'
import { detectFormat } from '../../inject/detect-format.ts'
import { injectConfig, type ConfigFormat, type Injection, type InjectOptions } from '../../inject/inject.ts'
import type { MirrorMap } from '../../inject/mirror-map.ts'
import { PinyonError } from '../../model/errors.ts'
import { isAbsent, resolveWithin } from './root.ts'
import type { Target } from './targets.ts'

/** One file, and what is to become of it. */
export interface InjectedFile {
  readonly target: Target
  readonly format: ConfigFormat
  readonly injection: Injection
  readonly output: InjectedOutput
}

/** Where a result goes: the file itself but for lists of URLs. */
export interface InjectedOutput {
  /** For people. */
  readonly label: string
  /** On this machine, its last part no symbolic link. */
  readonly path: string
  /** What is there now; undefined for a file that is to be made. */
  readonly before: Uint8Array | undefined
  /** As it was when it was read. */
  readonly facts: BigIntStats | undefined
}

/**
 * Puts mirrors into files that were read, and writes none.
 *
 * @param format of all of them; each by its own name and content unless told
 * @param root absolute, without symbolic links
 * @throws PinyonError INJECTION_REFUSED naming each that cannot be injected into, with its line
 */
export async function injectTargets(
  targets: readonly Target[],
  map: MirrorMap,
  {
    root,
    format,
    ...rules
  }: InjectOptions & { readonly root: string; readonly format: ConfigFormat | undefined },
): Promise<readonly InjectedFile[]> {
  const problems: string[] = []
  const files: InjectedFile[] = []
  for (const target of targets) {
    const own = format ?? detectFormat(basename(target.name), target.bytes)
    try {
      if (rules.reposOutput === 'repofrompath' && own !== 'repos')
        throw new PinyonError(
          'INJECTION_REFUSED',
          'expected a list of URLs for --repofrompath, found a configuration',
        )
      const injection = injectConfig(target.bytes, own, map, rules)
      files.push({ target, format: own, injection, output: await planOutput(target, own, root) })
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

async function planOutput(
  { label, name, path, bytes, facts }: Target,
  format: ConfigFormat,
  root: string,
): Promise<InjectedOutput> {
  if (format !== 'repos') return { label, path, before: bytes, facts }
  const made = nameMade(name)
  try {
    const existing = await resolveWithin(root, made)
    const before = readConfigBytes(existing) ?? new Uint8Array()
    return { label: nameMade(label), path: existing, before, facts: undefined }
  } catch (error) {
    if (!isAbsent(error)) throw error
    const parent = await resolveWithin(root, dirname(made))
    return { label: nameMade(label), path: join(parent, basename(made)), before: undefined, facts: undefined }
  }
}

/** `x.repos` makes `x.repo`. */
function nameMade(list: string): string {
  return `${list.replace(/\.repos$/, '')}.repo`
}

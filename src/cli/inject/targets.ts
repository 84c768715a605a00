import type { BigIntStats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve } from 'node:path'

import { CONFIG_MAX_BYTES, describeReadFailure, readConfigBytes } from '../../config/read.ts'
import { PinyonError } from '../../model/errors.ts'
import { expandParts, isAbsent, isGlob, parseGlob, resolveWithin } from './root.ts'

/** A configuration file to be edited. */
export interface Target {
  /** For people. */
  readonly label: string
  /** Within the root, with a slash, as it was named: perhaps by way of symbolic links. */
  readonly name: string
  /** On this machine, without symbolic links. */
  readonly path: string
  readonly bytes: Uint8Array
  /** As it was when it was read. */
  readonly facts: BigIntStats
}

/** Files found, each once, and what stands for none. */
export interface Targets {
  readonly targets: readonly Target[]
  /** Directories and patterns without any. */
  readonly empty: readonly string[]
}

interface Found {
  readonly name: string
  readonly path: string
  readonly facts: BigIntStats
}

/**
 * Reads the files that operands of a command line name: files, directories for their `*.repo`, and patterns that the shell left.
 *
 * @param root what they are below, absolute and without symbolic links; undefined for this machine and its working directory
 * @throws PinyonError INJECTION_REFUSED naming each that is not there or cannot be read
 */
export async function readTargets(operands: readonly string[], root: string | undefined): Promise<Targets> {
  const targets = new Map<string, Target>()
  const empty: string[] = []
  const problems: string[] = []
  for (const operand of operands) {
    try {
      const found = await findFiles(root ?? '/', root === undefined ? resolve(operand) : operand)
      if (found.length === 0) empty.push(operand)
      for (const file of found)
        if (!targets.has(file.path))
          targets.set(file.path, {
            ...file,
            label: labelOf(file.name, operand, root),
            bytes: readBytes(file.path),
          })
    } catch (error) {
      problems.push(`${root === undefined ? operand : join(root, operand)}: ${describe(error)}`)
    }
  }
  if (problems.length > 0) throw new PinyonError('INJECTION_REFUSED', problems.join('\n'))
  return { targets: [...targets.values()], empty }
}

/** A file's path for people: relative where its operand was. */
function labelOf(name: string, operand: string, root: string | undefined): string {
  if (root !== undefined) return join(root, name)
  return isAbsolute(operand) ? name : relative('', name)
}

function describe(error: unknown): string {
  if (error instanceof PinyonError) return error.message
  return `expected a readable configuration, found ${describeReadFailure(error)}`
}

/** What one operand names; none for a pattern or a directory without. */
async function findFiles(root: string, operand: string): Promise<readonly Found[]> {
  try {
    return await openOperand(root, operand)
  } catch (error) {
    if (!isAbsent(error) || !isGlob(operand)) throw error
  }
  const files: Found[] = []
  for (const name of await expandParts(root, parseGlob(operand))) {
    const found = await look(root, name)
    if (found?.facts.isDirectory() === true) files.push(...(await listRepositories(root, found)))
    else if (found?.facts.isFile() === true) files.push(found)
  }
  return files
}

async function openOperand(root: string, name: string): Promise<readonly Found[]> {
  const path = await resolveWithin(root, name)
  const facts = await lstat(path, { bigint: true })
  if (facts.isDirectory()) return await listRepositories(root, { name, path, facts })
  if (facts.isFile()) return [{ name, path, facts }]
  throw new PinyonError('INJECTION_REFUSED', 'expected a file or a directory, found something else')
}

/** As yum and dnf look into a directory; a link to nothing, or to /dev/null, is how a repository is masked. */
async function listRepositories(root: string, directory: Found): Promise<readonly Found[]> {
  const names = (await readdir(directory.path)).filter(
    (name) => name.endsWith('.repo') && !name.startsWith('.'),
  )
  const found = await Promise.all(names.toSorted().map((name) => look(root, join(directory.name, name))))
  return found.filter((file) => file?.facts.isFile() === true) as readonly Found[]
}

async function look(root: string, name: string): Promise<Found | undefined> {
  try {
    const path = await resolveWithin(root, name)
    return { name, path, facts: await lstat(path, { bigint: true }) }
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

function readBytes(path: string): Uint8Array {
  const bytes = readConfigBytes(path)
  if (bytes !== undefined) return bytes
  throw new PinyonError(
    'INJECTION_REFUSED',
    `expected at most ${CONFIG_MAX_BYTES / 1024 / 1024} MiB, found more`,
  )
}

import { lstat } from 'node:fs/promises'

import { readConfigBytes } from '../../config/read.ts'
import { PinyonError } from '../../model/errors.ts'
import { expandParts, isAbsent, resolveWithin } from './root.ts'

/** A later one counts more, as for dnf. */
const DIRECTORIES = ['/etc/yum/vars', '/etc/dnf/vars']

const NAME = /^\w+$/

/** What a command line says of variables. */
export interface GivenVariables {
  readonly releasever?: string
  readonly basearch?: string
  readonly arch?: string
}

/**
 * Reads the variables of yum and dnf: files of their names whose first lines are their values.
 * @param root absolute, without symbolic links
 * @throws PinyonError INJECTION_REFUSED naming one that cannot be read
 */
export async function readVariables(
  root: string,
  given: GivenVariables,
): Promise<ReadonlyMap<string, string>> {
  const variables = new Map<string, string>()
  for (const directory of DIRECTORIES)
    for (const name of await expandParts(root, [...directory.split('/').slice(1), { glob: '*' }])) {
      const variable = name.slice(name.lastIndexOf('/') + 1)
      const value = NAME.test(variable) ? await readValue(root, name) : undefined
      if (value !== undefined) variables.set(variable, value)
    }
  for (const [name, value] of Object.entries(given) as [string, string | undefined][])
    if (value !== undefined) variables.set(name, value)
  return variables
}

async function readValue(root: string, name: string): Promise<string | undefined> {
  try {
    const path = await resolveWithin(root, name)
    if (!(await lstat(path)).isFile()) return undefined
    const [line = ''] = Buffer.from(readConfigBytes(path) ?? [])
      .toString()
      .split('\n', 1)
    return line.trimEnd()
  } catch (error) {
    if (isAbsent(error)) return undefined
    const { code, message } = error as NodeJS.ErrnoException
    throw new PinyonError('INJECTION_REFUSED', `reading the variable ${name}: ${code ?? message}`, {
      cause: error,
    })
  }
}

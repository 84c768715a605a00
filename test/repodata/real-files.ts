import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'

const FIXTURES = join(import.meta.dirname, '../../../shared/fixtures')

/** Options of node:test for cases that read real repositories' metadata. */
export const NEEDS_REAL_FILES = { skip: existsSync(FIXTURES) ? false : 'needs ../shared/fixtures' }

/** Paths below the real repositories' folder that match a pattern, sorted. */
export function findRealFiles(pattern: string): string[] {
  return existsSync(FIXTURES) ? globSync(pattern, { cwd: FIXTURES }).toSorted() : []
}

/** Where such a file is. */
export function realFile(path: string): string {
  return join(FIXTURES, path)
}

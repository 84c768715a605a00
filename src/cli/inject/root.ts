import { lstat, readdir, readlink } from 'node:fs/promises'
import { join, matchesGlob } from 'node:path'

/** As the kernel counts. */
const LINKS_MAX = 40

/**
 * Finds where a path leads within a root, as if that were `/`: symbolic links that begin with a slash begin at the root, and none, nor `..`,
 * leads out of it.
 *
 * @param root absolute, without symbolic links
 * @param path begins at the root, with a slash or without
 * @returns an absolute path of this machine without symbolic links
 * @throws as the file system does, ENOENT when the last part is missing as well
 */
export async function resolveWithin(root: string, path: string): Promise<string> {
  const pending = splitPath(path)
  const found: string[] = []
  let links = 0
  for (let segment = pending.shift(); segment !== undefined; segment = pending.shift()) {
    if (segment === '..') {
      found.pop()
      continue
    }
    const here = join(root, ...found, segment)
    if (!(await lstat(here)).isSymbolicLink()) {
      found.push(segment)
      continue
    }
    links += 1
    if (links > LINKS_MAX) throw Object.assign(new Error(`too many links: ${path}`), { code: 'ELOOP' })
    const target = await readlink(here)
    if (target.startsWith('/')) found.length = 0
    pending.unshift(...splitPath(target))
  }
  return join(root, ...found)
}

function splitPath(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '' && segment !== '.')
}

/** A part of a path: what it is, or a pattern for it as a shell has them. */
export type PathPart = string | { readonly glob: string }

/** Whether a shell would look for files that match. */
export function isGlob(text: string): boolean {
  return /[*?[]/.test(text)
}

/** The parts of a path as somebody writes it, who may mean a pattern by any of them. */
export function parseGlob(path: string): readonly PathPart[] {
  return splitPath(path).map((segment) => (isGlob(segment) ? { glob: segment } : segment))
}

/**
 * The paths within a root that match, in the order of their names; dots at the beginning are matched by dots alone.
 * @returns paths that begin at the root with a slash, not resolved
 */
export async function expandParts(root: string, parts: readonly PathPart[]): Promise<readonly string[]> {
  let paths = ['']
  for (const part of parts) {
    const next: string[] = []
    for (const path of paths) {
      if (typeof part === 'string') next.push(`${path}/${part}`)
      else next.push(...(await listMatching(root, path, part.glob)))
    }
    paths = next
  }
  const present: string[] = []
  for (const path of paths) if (await isThere(root, path)) present.push(path)
  return present
}

async function listMatching(root: string, path: string, glob: string): Promise<string[]> {
  const names = await listDirectory(root, path)
  return names
    .filter((name) => (!name.startsWith('.') || glob.startsWith('.')) && matchesGlob(name, glob))
    .map((name) => `${path}/${name}`)
}

/** The names in a directory, sorted; none where there is no directory. */
async function listDirectory(root: string, path: string): Promise<string[]> {
  try {
    return (await readdir(await resolveWithin(root, path))).toSorted()
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

async function isThere(root: string, path: string): Promise<boolean> {
  try {
    await resolveWithin(root, path)
    return true
  } catch (error) {
    if (isAbsent(error)) return false
    throw error
  }
}

/** Whether an error of the file system says that nothing is there. */
export function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
}

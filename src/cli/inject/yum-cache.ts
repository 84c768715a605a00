import { readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'

import { parseYumConfig } from '../../inject/yum-config.ts'
import { PinyonError } from '../../model/errors.ts'
import { expandParts, isAbsent, parseGlob, resolveWithin, type PathPart } from './root.ts'

/** Where yum 3 keeps what it knows of repositories: as distributed, and as its own default is. */
const CACHES = ['/var/cache/yum/*/*', '/var/cache/yum']

/** With a repomd.xml here yum 3 takes no older one; while the cookie is young it does not even ask. */
const MEMORY = ['repomd.xml', 'cachecookie']

/**
 * Makes yum 3 forget which state of repositories it has seen, so that an older one counts: it keeps that by id, whatever the baseurl. What it
 * has fetched otherwise stays of use.
 *
 * @param root absolute, without symbolic links
 * @param ids of sections, variables put in
 * @returns the paths of what was removed; none where there is no such yum
 * @throws PinyonError STORE_FAILED for what cannot be removed
 */
export async function forgetYumCache(root: string, ids: readonly string[]): Promise<readonly string[]> {
  if (ids.length === 0) return []
  const caches = await findCaches(root)
  const removed: string[] = []
  for (const id of ids) {
    // What is no name of a directory is no id that yum has a cache for.
    if (id === '' || id === '.' || id === '..' || id.includes('/')) continue
    const own = id.split(/\$\{?\w+\}?/)
    const last: PathPart = own.length === 1 ? id : { glob: own.map(escapeGlob).join('*') }
    for (const cache of caches)
      for (const directory of await expandParts(root, [...cache, last]))
        removed.push(...(await forget(await resolveWithin(root, directory))))
  }
  return removed
}

async function findCaches(root: string): Promise<readonly (readonly PathPart[])[]> {
  const configured = await readCacheDirectory(root)
  // Programs that use yum's library may put architecture and release after it.
  const patterns = configured === undefined ? CACHES : [configured, `${configured}/*/*`, ...CACHES]
  return [...new Set(patterns)].map(parseGlob)
}

/** `cachedir` of yum.conf, with a `*` for each variable. */
async function readCacheDirectory(root: string): Promise<string | undefined> {
  try {
    const { sections } = parseYumConfig(await readFile(await resolveWithin(root, '/etc/yum.conf')))
    const value = sections.find(({ id }) => id === 'main')?.values.get('cachedir')?.text
    return value?.replace(/\$\{?\w+\}?/g, '*').replace(/\/+$/, '')
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw refuse('/etc/yum.conf', error)
  }
}

function escapeGlob(text: string): string {
  return text.replace(/[*?[\]{}()!+@|\\]/g, String.raw`\$&`)
}

async function forget(directory: string): Promise<readonly string[]> {
  const removed: string[] = []
  for (const name of MEMORY) {
    const path = join(directory, name)
    try {
      await unlink(path)
      removed.push(path)
    } catch (error) {
      if (!isAbsent(error)) throw refuse(path, error)
    }
  }
  return removed
}

function refuse(path: string, cause: unknown): PinyonError {
  const { code, message } = cause as NodeJS.ErrnoException
  return new PinyonError('STORE_FAILED', `clearing yum's cache, ${path}: ${code ?? message}`, { cause })
}

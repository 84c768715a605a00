import { setImmediate } from 'node:timers/promises'

import { placeOf } from '../model/snapshot-path.ts'
import type { ReadStatements } from './sql.ts'
import type { DirectoryEntry, Snapshot } from './store.ts'

/** Rows looked at between two turns of the event loop: about two milliseconds' worth. */
const PAGE_ROWS = 2_000

/**
 * The names directly below a directory of a snapshot, as clients' paths have it, directories first; undefined when nothing is there. Packages are indexed by hash,
 * so this looks at all of them, a page at a time: listings are for people.
 */
export async function listDirectory(
  reads: ReadStatements,
  snapshot: Snapshot,
  path: string,
): Promise<readonly DirectoryEntry[] | undefined> {
  const prefix = path === '' ? '' : `${path}/`
  const found = new Map<string, DirectoryEntry>()
  for await (const { href: listed, size } of listFiles(reads, snapshot)) {
    const href = placeOf(listed, snapshot)
    if (!href.startsWith(prefix)) continue
    const slash = href.indexOf('/', prefix.length)
    const directory = slash >= 0
    const name = href.slice(prefix.length, directory ? slash : undefined)
    // Hrefs `a` and `a/b` make both a file and a directory of one name.
    const key = directory ? `${name}/` : name
    if (!found.has(key))
      found.set(key, { name, directory, size: directory ? undefined : (size ?? undefined) })
  }
  if (found.size === 0 && path !== '') return undefined
  return [...found.values()].toSorted(
    (a, b) => Number(b.directory) - Number(a.directory) || (a.name < b.name ? -1 : 1),
  )
}

interface ListedFile {
  readonly href: string
  readonly size: number | null
}

async function* listFiles(reads: ReadStatements, snapshot: Snapshot): AsyncIterable<ListedFile> {
  const repodata = reads.repodataFiles.all({ snapshotId: snapshot.id }) as { path: string; size: number }[]
  for (const { path, size } of repodata) yield { href: path, size }
  yield* reads.extraFiles.all({ snapshotId: snapshot.id }) as ListedFile[]
  const { mirrorId, seq } = snapshot
  let after = { hrefHash: -1, id: 0 }
  for (;;) {
    const page = reads.packagePage.all({
      mirrorId,
      seq,
      afterHash: after.hrefHash,
      afterId: after.id,
      limit: PAGE_ROWS,
    }) as (ListedFile & { id: number; hrefHash: number })[]
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE_ROWS) return
    after = last
    await setImmediate()
  }
}

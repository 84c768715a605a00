import { LRUCache } from 'lru-cache'
import pLimit, { type LimitFunction } from 'p-limit'

import type { DirectoryEntry, Snapshot, SnapshotReader } from '../snapshot/store.ts'
import { formatListing } from './listing.ts'
import { createTextReply, type TextReply } from './reply.ts'

/** Memory for the names of subdirectories: what tells a path that leads nowhere. */
const REMEMBERED_NAME_BYTES = 8 << 20
/** Memory for formatted listings; one of 65,000 packages takes some 10 MB. */
const REMEMBERED_LISTING_BYTES = 32 << 20
/** What remembering anything costs beside its text. */
const OVERHEAD_BYTES = 200

/**
 * Directories of snapshots. To list one, the store looks at all files of the snapshot, so that is done for one request at a time, and
 * what came of it is remembered: snapshots do not change. A path below no directory costs a look-up, however often it is asked for.
 */
export class Directories {
  readonly #snapshots: SnapshotReader
  readonly #limit: LimitFunction = pLimit(1)
  readonly #children = new LRUCache<string, ReadonlySet<string>>({
    maxSize: REMEMBERED_NAME_BYTES,
    sizeCalculation: (names, key) =>
      [...names].reduce((sum, name) => sum + name.length + OVERHEAD_BYTES, key.length + OVERHEAD_BYTES),
  })
  readonly #listings = new LRUCache<string, TextReply>({
    maxSize: REMEMBERED_LISTING_BYTES,
    sizeCalculation: (reply, key) => reply.body.length + key.length + OVERHEAD_BYTES,
  })

  constructor(snapshots: SnapshotReader) {
    this.#snapshots = snapshots
  }

  /** Whether a snapshot has this directory; `''` is its top. */
  async has(snapshot: Snapshot, path: string): Promise<boolean> {
    let parent = ''
    for (const name of path === '' ? [] : path.split('/')) {
      if (!(await this.#childrenOf(snapshot, parent)).has(name)) return false
      parent = parent === '' ? name : `${parent}/${name}`
    }
    return true
  }

  /**
   * The listing of a directory that {@link has} found.
   * @param title the path it is shown under
   */
  async listing(snapshot: Snapshot, path: string, title: string): Promise<TextReply> {
    const key = `${keyOf(snapshot, path)} ${title}`
    const known = this.#listings.get(key)
    if (known !== undefined) return known
    return await this.#limit(async () => {
      // Of those that waited, the first has done it.
      const since = this.#listings.get(key)
      if (since !== undefined) return since
      const entries = await this.#read(snapshot, path)
      const reply = createTextReply('text/html; charset=utf-8', formatListing(title, entries), snapshot)
      this.#listings.set(key, reply)
      return reply
    })
  }

  async #childrenOf(snapshot: Snapshot, path: string): Promise<ReadonlySet<string>> {
    const key = keyOf(snapshot, path)
    const known = this.#children.get(key)
    if (known !== undefined) return known
    return await this.#limit(async () => {
      const since = this.#children.get(key)
      if (since !== undefined) return since
      const entries = await this.#read(snapshot, path)
      const names = new Set(entries.filter(({ directory }) => directory).map(({ name }) => name))
      this.#children.set(key, names)
      return names
    })
  }

  async #read(snapshot: Snapshot, path: string): Promise<readonly DirectoryEntry[]> {
    return (await this.#snapshots.directory(snapshot, path)) ?? []
  }
}

/** The fingerprint as well: a row's id may be used again once its snapshot is deleted. */
function keyOf(snapshot: Snapshot, path: string): string {
  return `${snapshot.id} ${snapshot.fingerprint} ${path}`
}

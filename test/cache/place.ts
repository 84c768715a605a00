import { existsSync, readdirSync } from 'node:fs'
import type { TestContext } from 'node:test'

import { DiskBlobStore } from '../../src/cache/disk-blob-store.ts'
import { createLayout, type Layout } from '../../src/cache/layout.ts'
import { Claims } from '../../src/system/claims.ts'
import { tempDir } from '../support/temp-dir.ts'

/** A data directory that several processes may share, each of which is a {@link Peer}. */
export interface Place {
  readonly layout: Layout
  /** Names of the temporary files there. */
  readonly temporaries: () => string[]
}

/** What a process has of a place. */
export interface Peer {
  readonly claims: Claims
  readonly blobs: DiskBlobStore
}

/** An empty place, in a directory of its own unless told. */
export function createPlace(t: TestContext, directory: string = tempDir(t)): Place {
  const layout = createLayout(directory)
  return { layout, temporaries: () => (existsSync(layout.temporary) ? readdirSync(layout.temporary) : []) }
}

/** Claims and blobs as a process of its own would have them: several may be opened on one place. */
export async function openPeer(t: TestContext, { layout }: Place): Promise<Peer> {
  const claims = new Claims(layout.claims)
  t.after(() => claims.close())
  return { claims, blobs: await DiskBlobStore.open(layout, claims) }
}

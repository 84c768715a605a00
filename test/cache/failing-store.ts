import type { BlobStore, BlobWriter } from '../../src/cache/blob-store.ts'
import { PinyonError } from '../../src/model/errors.ts'

/** A blob store of which one operation fails for as long as a test wants. */
export interface FailingStore {
  failing: boolean
  readonly wrap: (blobs: BlobStore) => BlobStore
}

/** Makes `create`, or a method of the writers made, fail as on a full disk; a writer's `close` does its work before it fails. */
export function createFailingStore(method: 'create' | 'write' | 'publish' | 'close'): FailingStore {
  const store: FailingStore = {
    failing: true,
    wrap: (blobs) => ({
      open: (digest) => blobs.open(digest),
      openPartial: (location) => blobs.openPartial(location),
      remove: (digest) => blobs.remove(digest),
      keep: (digest) => blobs.keep(digest),
      create: async (expected) => {
        if (!store.failing) return await blobs.create(expected)
        return method === 'create' ? fail(method) : breakWriter(await blobs.create(expected), method)
      },
    }),
  }
  return store
}

function breakWriter(writer: BlobWriter, method: 'write' | 'publish' | 'close'): BlobWriter {
  const close = writer.close.bind(writer)
  return Object.assign(writer, {
    [method]: async () => {
      if (method === 'close') await close()
      fail(method)
    },
  })
}

function fail(method: string): never {
  throw new PinyonError('STORE_FAILED', `${method}: ENOSPC`)
}

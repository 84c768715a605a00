import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'

import type { BlobStore, ExpectedBlob } from '../../src/cache/blob-store.ts'
import { FillTable } from '../../src/cache/fill-table.ts'
import type { FillReader } from '../../src/cache/fill-reader.ts'
import type { PinyonError } from '../../src/model/errors.ts'
import { Signal } from '../../src/system/signal.ts'
import { readWhole } from '../contract/blob-store.ts'
import { openPeer, type Peer, type Place } from './place.ts'

/** A process's fills, and how those that ended did. */
export interface FillPeer extends Peer {
  readonly fills: FillTable
  /** The code of each ended fill's error, or `stored`, in the order of their ends. */
  readonly ends: readonly string[]
  /** Resolves when so many have ended. */
  readonly ended: (count: number) => Promise<void>
}

/** What differs from a process's usual fills. */
export interface FillPeerOptions {
  /** Puts something between the fills and the blob store. */
  readonly wrap?: (blobs: BlobStore) => BlobStore
  readonly maxUnlistedBytes?: number
}

/** Opens a process's fills on a place. */
export async function openFills(
  t: TestContext,
  place: Place,
  options: FillPeerOptions = {},
): Promise<FillPeer> {
  const peer = await openPeer(t, place)
  const { wrap = (blobs) => blobs, maxUnlistedBytes } = options
  const ends: string[] = []
  const changed = new Signal()
  const fills = new FillTable({
    blobs: wrap(peer.blobs),
    claims: peer.claims,
    ...(maxUnlistedBytes === undefined ? {} : { maxUnlistedBytes }),
    onEnd: (_: ExpectedBlob, error?: PinyonError) => {
      ends.push(error?.code ?? 'stored')
      changed.notify()
    },
  })
  const ended = async (count: number) => {
    while (ends.length < count) await changed.wait()
  }
  return { ...peer, fills, ends, ended }
}

/** Reads the first `size` bytes, waits until they are known to be right, and releases the reader. */
export async function finish(reader: FillReader, size: number): Promise<Buffer> {
  try {
    const bytes = await readWhole(reader, size)
    assert.equal(await reader.verified(), size)
    assert.equal(await reader.read(Buffer.alloc(1), size), 0)
    return bytes
  } finally {
    reader.release()
  }
}

/** The code of the error that reading ends with; the reader is released. */
export async function failureOf(reader: FillReader): Promise<string> {
  try {
    for (let at = 0; ;) {
      const count = await reader.read(Buffer.alloc(1_000), at)
      if (count === 0) return `read ${await reader.verified()} bytes`
      at += count
    }
  } catch (error) {
    return (error as PinyonError).code
  } finally {
    reader.release()
  }
}

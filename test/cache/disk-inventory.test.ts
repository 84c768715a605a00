import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { test } from 'node:test'

import { DiskInventory } from '../../src/cache/disk-inventory.ts'
import { blobPath } from '../../src/cache/layout.ts'
import { digestOf } from '../../src/model/digest.ts'
import { put } from '../contract/blob-store.ts'
import { createPlace, openPeer } from './place.ts'

test('a large blob is taken away though there is nowhere to move it to any more', async (t) => {
  const place = createPlace(t)
  const { blobs, claims } = await openPeer(t, place)
  const bytes = Buffer.alloc(3 << 20)
  const digest = digestOf(bytes)
  const inventory = new DiskInventory(place.layout, claims.processId)
  for (const isRemoved of [false, true]) {
    await put(blobs, digest, bytes)
    if (isRemoved) rmSync(place.layout.temporary, { recursive: true })
    const free = inventory.takeAway(digest, bytes.length)
    assert.equal(existsSync(blobPath(place.layout, digest)), false)
    free()
  }
  inventory.takeAway(digest, bytes.length)()
})

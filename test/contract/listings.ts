import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import type { StoredListing } from '../../src/snapshot/listing/listing-store.ts'
import type { SnapshotStore } from '../../src/snapshot/store.ts'

const LISTING: StoredListing = {
  url: 'https://lists.example.org/metalink?repo=r',
  body: Buffer.of(1, 0, 255),
  etag: '"a"',
  lastModified: undefined,
  reach: 'public',
  fetchedAt: 10,
  checkedAt: 20,
}

/** What a store does with lists of mirrors. */
export function describeListings(open: (t: TestContext) => SnapshotStore): void {
  test('a list of mirrors is what was kept last, until it is forgotten', async (t) => {
    const { listings } = open(t)
    const { url } = LISTING
    assert.equal(await listings.listing(url), undefined)
    await listings.keepListing(LISTING)
    assert.deepEqual(await listings.listing(url), LISTING)
    const file: StoredListing = { ...LISTING, etag: undefined, lastModified: 'yesterday', reach: undefined }
    await listings.keepListing(file)
    assert.deepEqual(await listings.listing(url), file)
    await listings.forgetListings(['https://other.example.org/', url])
    assert.deepEqual(await listings.listing(url), file)
    await listings.forgetListings([])
    assert.equal(await listings.listing(url), undefined)
  })
}

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import type { FetchedKeys } from '../../src/snapshot/keys/key-store.ts'
import type { SnapshotStore, VerifiedSignature } from '../../src/snapshot/store.ts'
import { createPackage, publishSimply } from '../snapshot/publish-simply.ts'

const URL = 'https://keys.example.org/KEY'
const FIRST: FetchedKeys = { url: URL, keys: Buffer.of(1, 0, 255), firstAt: 10, checkedAt: 10, strangers: [] }

/** Who signed a snapshot. */
export const SIGNATURE: VerifiedSignature = {
  fingerprint: 'AB',
  primary: 'CD',
  owner: 'Repository <r@example.org>',
  hash: 'sha256',
  signedAt: 1000,
  verifiedAt: 2000,
}

/** What a store does with keys and signatures. */
export function describeKeys(open: (t: TestContext) => SnapshotStore): void {
  test('keys of a URL are those that were kept first, until they are renewed or forgotten', async (t) => {
    const { keys } = open(t)
    assert.equal(await keys.fetchedKeys(URL), undefined)
    assert.deepEqual(await keys.trustKeys(FIRST), FIRST)
    assert.deepEqual(await keys.trustKeys({ ...FIRST, keys: Buffer.of(2), firstAt: 11 }), FIRST)
    const renewed = { ...FIRST, keys: Buffer.of(3), checkedAt: 20, strangers: ['AB', 'CD'] }
    await keys.renewKeys(renewed)
    assert.deepEqual(await keys.fetchedKeys(URL), renewed)
    await keys.forgetKeys(['https://other.example.org/', URL])
    assert.deepEqual(await keys.fetchedKeys(URL), renewed)
    await keys.forgetKeys([])
    assert.equal(await keys.fetchedKeys(URL), undefined)
    const anew = { ...FIRST, keys: Buffer.of(2) }
    assert.deepEqual(await keys.trustKeys(anew), anew)
  })

  test('a snapshot is signed by who was found when it was published, or once later', async (t) => {
    const store = open(t)
    const { snapshot } = await publishSimply(store, { packages: [createPackage('a')] })
    assert.equal(await store.signature(snapshot), undefined)
    await store.recordSignature(snapshot, SIGNATURE)
    await store.recordSignature(snapshot, { ...SIGNATURE, owner: 'another' })
    assert.deepEqual(await store.signature(snapshot), SIGNATURE)
  })
}

import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import type { Digest } from '../../../src/model/digest.ts'
import { signDetached } from '../../support/detached-signature.ts'
import { MirrorUnderTest, readRepodata } from '../mirror-under-test.ts'
import { MetalinkFarm } from './metalink-farm.ts'

const A = [{ name: 'a' }]
const B = [{ name: 'b' }]
const C = [{ name: 'c' }]

/** The record of primary in what was published last. */
async function primaryOf(mirror: MirrorUnderTest): Promise<{ href: string; checksum: Digest }> {
  const [newest] = await mirror.store.snapshots('m')
  assert.ok(newest)
  const file = (await mirror.store.files(newest)).find(({ type }) => type === 'primary')
  assert.ok(file?.digest)
  return { href: file.path, checksum: file.digest }
}

function writeSignature(dir: string): void {
  const repomd = readFileSync(join(dir, 'repodata/repomd.xml'))
  writeFileSync(join(dir, 'repodata/repomd.xml.asc'), signDetached(repomd))
}

describe('with a metalink', () => {
  test('the newest repomd.xml that it lists is published, though preferred mirrors are behind or gone', async (t) => {
    const farm = await MetalinkFarm.start(t, 4)
    const old = farm.publish(A, 0, 1, 2, 3)
    const fresh = farm.publish(B, 3)
    farm.list([fresh, old])
    await farm.mirrors[1]?.stop()
    const mirror = farm.open()
    const snapshot = await mirror.publish()
    assert.deepEqual(await mirror.repodata(snapshot), readRepodata(farm.dir(3)))
    assert.equal((await mirror.store.seenRepomd('m'))?.baseurl, farm.baseurl(3))
  })

  test('that says nothing new, a sync is one conditional request and asks no mirror', async (t) => {
    const farm = await MetalinkFarm.start(t, 2)
    farm.list([farm.publish(A, 0, 1)])
    const mirror = farm.open()
    await mirror.publish()
    farm.counts()
    await mirror.expectUnchanged()
    const [request] = farm.lists.requests
    assert.equal(request?.status, 304)
    assert.ok(request.headers['if-none-match'] !== undefined)
    assert.deepEqual(farm.counts(), [1, 0, 0])
    // MirrorManager sends no validators.
    farm.lists.rules = [{ match: 'list', headers: { ETag: '', 'Last-Modified': '' } }]
    await mirror.expectUnchanged()
    await mirror.expectUnchanged()
    assert.deepEqual(farm.counts(), [2, 0, 0])
  })

  test('an alternate is taken where no mirror has the newest, and refused when it is older than the last snapshot', async (t) => {
    const farm = await MetalinkFarm.start(t, 3)
    const old = farm.publish(A, 0, 1, 2)
    const middle = farm.publish(B, 1)
    const nowhere = { bytes: Buffer.from('the newest'), timestamp: 1_700_000_000 }
    farm.list([nowhere, middle, old])
    const mirror = farm.open()
    const snapshot = await mirror.publish()
    assert.deepEqual(await mirror.repodata(snapshot), readRepodata(farm.dir(1)))
    await mirror.expectUnchanged()
    await farm.mirrors[1]?.stop()
    const error = await mirror.fail()
    assert.equal(error.code, 'REPODATA_OLDER', error.message)
    await farm.mirrors[1]?.start()
    await mirror.expectUnchanged()
  })

  test('all mirrors of which have what it does not list, nothing is published', async (t) => {
    const farm = await MetalinkFarm.start(t, 3)
    const first = farm.publish(A, 0, 1, 2)
    farm.list([first])
    const mirror = farm.open()
    await mirror.publish()
    farm.publish(B, 0, 1, 2)
    farm.list([{ bytes: Buffer.from('another'), timestamp: 1_700_000_000 }])
    const error = await mirror.fail()
    assert.equal(error.code, 'REPODATA_UNLISTED')
    assert.equal(
      error.message,
      `no mirror that answers has a repomd.xml that the metalink lists; asked: ${farm.baseurl(0)} and 2 more`,
    )
  })

  test('a mirror that lies about one file is made up for by another, and is asked for that file no more', async (t) => {
    const farm = await MetalinkFarm.start(t, 3)
    farm.list([farm.publish(A, 0, 1, 2)])
    const [liar, lacking] = farm.mirrors
    assert.ok(liar && lacking)
    liar.rules = [{ match: 'primary.xml.gz', flipByteAt: 20 }]
    lacking.rules = [{ match: /(?:primary|filelists)/, status: 404 }]
    const mirror = farm.open({ strict: true })
    const snapshot = await mirror.publish()
    assert.deepEqual(await mirror.defects(snapshot), [])
    const { href, checksum } = await primaryOf(mirror)
    assert.deepEqual([liar.count(href), lacking.count(href)], [1, 1])
    for (let round = 0; round < 5; round += 1) {
      const { baseurl, body } = await mirror.upstream.get(href, { digest: checksum })
      for await (const _ of body);
      assert.equal(baseurl, farm.baseurl(2))
    }
    assert.deepEqual([liar.count(href), lacking.count(href)], [1, 1])
    mirror.upstream.beginGeneration('the next one')
    assert.ok((await mirror.upstream.get(href, { digest: checksum })).baseurl !== '')
    assert.equal(liar.count(href) + lacking.count(href) + (farm.mirrors[2]?.count(href) ?? 0), 2 + 1 + 5 + 1)
  })

  test('a mirror that dies while it is captured from is made up for by another', async (t) => {
    for (let at = 1; at <= 9; at += 1) {
      const farm = await MetalinkFarm.start(t, 2)
      farm.list([farm.publish(A, 0, 1)])
      const [dying] = farm.mirrors
      assert.ok(dying)
      dying.rules = ({ index }) => ({ hangUp: index >= at })
      const mirror = farm.open({ strict: true })
      const snapshot = await mirror.publish()
      assert.deepEqual(await mirror.repodata(snapshot), readRepodata(farm.dir(1)), `request ${at}`)
    }
  })

  test('a repository that goes on is followed, whichever mirrors have what', async (t) => {
    const farm = await MetalinkFarm.start(t, 3)
    const mirror = farm.open()
    const published = []
    for (const [packages, ...indexes] of [
      [A, 0, 1, 2],
      [B, 1],
      [C, 2, 0],
      [A, 0],
    ] as const) {
      published.unshift(farm.publish(packages, ...indexes))
      farm.list(published)
      const snapshot = await mirror.publish()
      assert.deepEqual(await mirror.repodata(snapshot), readRepodata(farm.dir(indexes[0])))
    }
  })
})

describe('a list that cannot be had', () => {
  test('holds as it was last, also over a restart', async (t) => {
    const farm = await MetalinkFarm.start(t, 2)
    farm.list([farm.publish(A, 0, 1)])
    const mirror = farm.open()
    await mirror.publish()
    await farm.lists.stop()
    await mirror.expectUnchanged()
    assert.match(mirror.list?.state.error ?? '', /^the metalink cannot be had: .* could not be reached: /)
    const again = new MirrorUnderTest(mirror.dataDir, {
      baseurls: [],
      list: { kind: 'metalink', url: farm.listUrl },
    })
    try {
      await again.list?.ensure()
      assert.deepEqual(again.upstream.baseurls, [farm.baseurl(0), farm.baseurl(1)])
      const result = await again.sync()
      assert.equal(result.outcome, 'unchanged')
    } finally {
      await again.close()
    }
    await farm.lists.start()
    await mirror.expectUnchanged()
    assert.equal(mirror.list?.state.error, undefined)
  })

  test('and never was had fails the sync with the reason', async (t) => {
    const farm = await MetalinkFarm.start(t, 1)
    farm.publish(A, 0)
    for (const [behaviour, expected] of [
      [{ status: 500 }, /^the metalink cannot be had: .*list\?repo=r answered: 500$/],
      [
        { html: true },
        /^the metalink cannot be had: reading a metalink: \d+ bytes that begin with no <metalink>$/,
      ],
      [{ redirectTo: 'ftp://h/' }, /redirects to no http or https URL/],
    ] as const) {
      farm.lists.rules = [{ match: 'list', ...behaviour }]
      const mirror = farm.open()
      const result = await mirror.sync()
      assert.match(result.outcome === 'failed' ? result.error.message : '', expected)
    }
    assert.equal(farm.mirrors[0]?.count(), 0)
  })

  test('and knows nothing of what mirrors have by now says so; a signature vouches for that', async (t) => {
    const farm = await MetalinkFarm.start(t, 2)
    farm.list([farm.publish(A, 0, 1)])
    const mirror = farm.open()
    await mirror.publish()
    farm.publish(B, 0, 1)
    await farm.lists.stop()
    const error = await mirror.fail()
    assert.match(error.message, /; the metalink may be out of date: the metalink cannot be had: .*; asked: /)
    const refused = new Error('the signature was asked for')
    const signature = { now: () => mirror.nowMs, verify: () => Promise.reject(refused) }
    for (const index of [0, 1]) writeSignature(farm.dir(index))
    const result = await mirror.sync({ signature })
    assert.ok(result.outcome === 'failed' && result.error.cause === refused, JSON.stringify(result))
  })

  test('of ten megabytes is refused, and what came before holds', async (t) => {
    const farm = await MetalinkFarm.start(t, 1)
    farm.list([farm.publish(A, 0)])
    const mirror = farm.open()
    await mirror.publish()
    farm.list(
      [],
      Array.from({ length: 100_000 }, (_, index) => `http://h${index}.example/repodata/repomd.xml`),
    )
    await mirror.expectUnchanged()
    assert.match(mirror.list?.state.error ?? '', /list\?repo=r is larger than: 524288 bytes$/)
  })
})

describe('with a mirrorlist', () => {
  test('it is asked for again when its time is over, and then another mirror is looked at as well', async (t) => {
    const farm = await MetalinkFarm.start(t, 2)
    farm.listPlainly()
    farm.publish(A, 0, 1)
    const mirror = farm.open(
      { list: { kind: 'mirrorlist', url: farm.listUrl, expireMs: 3 * 60_000 } },
      'mirrorlist',
    )
    await mirror.publish()
    farm.counts()
    await mirror.expectUnchanged()
    await mirror.expectUnchanged()
    assert.deepEqual(farm.counts(), [0, 2, 0], 'one conditional request each')
    await mirror.expectUnchanged()
    assert.deepEqual(farm.counts(), [1, 1, 1])
    farm.publish(B, 1)
    await mirror.expectUnchanged()
    await mirror.expectUnchanged()
    const snapshot = await mirror.publish()
    assert.deepEqual(
      await mirror.repodata(snapshot),
      readRepodata(farm.dir(1)),
      'the first mirror has stopped',
    )
  })

  test('an error page leaves the last list in force', async (t) => {
    const farm = await MetalinkFarm.start(t, 2)
    farm.listPlainly()
    farm.publish(A, 0, 1)
    const mirror = farm.open({ list: { kind: 'mirrorlist', url: farm.listUrl, expireMs: 1 } }, 'mirrorlist')
    await mirror.publish()
    farm.lists.rules = [{ match: 'list', html: true }]
    await mirror.expectUnchanged()
    assert.match(
      mirror.list?.state.error ?? '',
      /the mirrorlist cannot be had: reading a mirrorlist: an HTML page/,
    )
    rmSync(join(farm.dir(0), 'repodata'), { recursive: true })
    await mirror.expectUnchanged()
    assert.deepEqual(mirror.upstream.baseurls.toSorted(), [farm.baseurl(0), farm.baseurl(1)].toSorted())
  })
})

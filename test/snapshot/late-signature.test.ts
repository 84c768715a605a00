import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { SignatureHopes } from '../../src/snapshot/keys/late-signature.ts'
import type { SyncResult } from '../../src/snapshot/sync.ts'
import { signDetached } from '../support/detached-signature.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { openMirror, type MirrorUnderTest } from './mirror-under-test.ts'

/** Long ago, in seconds since the epoch: what is waited for is what this server has not seen yet. */
const REVISION = 1_600_000_000
const HOUR_MS = 3_600_000
const START = Date.UTC(2026, 0, 1)

interface Setup {
  /** Publishes one package, unsigned. Gives where its signature belongs. */
  readonly change: (name: string) => string
  readonly upstream: Upstream
  readonly mirror: MirrorUnderTest
}

async function setUp(t: TestContext): Promise<Setup> {
  const dir = tempDir(t)
  let revision = REVISION
  const change = (name: string) => {
    writeSyntheticRepository(dir, { packages: [{ name }], revision })
    revision += 1
    return join(dir, 'repodata/repomd.xml.asc')
  }
  const upstream = await startUpstream(t, dir)
  return { change, upstream, mirror: openMirror(t, { baseurls: [upstream.url] }) }
}

function sign(file: string): void {
  writeFileSync(file, signDetached(readFileSync(file.replace(/\.asc$/, ''))))
}

/** What a failed sync says; nothing for one that did not fail. */
function reasonOf(result: SyncResult): string {
  return result.outcome === 'failed' ? result.error.message : ''
}

describe('a mirror that looks at no signature', () => {
  test('waits for a signature that its last snapshot had', async (t) => {
    const { change, mirror } = await setUp(t)
    sign(change('a'))
    await mirror.publish()
    const file = change('b')
    const { message } = await mirror.fail()
    assert.match(message, /the last snapshot is signed, and its successor not yet: .*asc: upstream has none/)
    sign(file)
    assert.deepEqual(await mirror.defects(await mirror.publish()), [])
  })

  test('waits no more than an hour, and takes a later signature up as another snapshot', async (t) => {
    const { change, upstream, mirror } = await setUp(t)
    const hopes = new SignatureHopes()
    const syncAt = (nowMs: number) => mirror.sync({ hopes, now: () => START + nowMs })
    sign(change('a'))
    await syncAt(0)
    const file = change('b')
    assert.match(reasonOf(await syncAt(HOUR_MS)), /not yet/)
    assert.match(reasonOf(await syncAt(2 * HOUR_MS - 1)), /not yet/)
    const unsigned = await syncAt(2 * HOUR_MS)
    assert.ok(unsigned.outcome === 'published')
    assert.deepEqual(await mirror.defects(unsigned.snapshot), ['missing repodata/repomd.xml.asc'])
    assert.equal((await syncAt(3 * HOUR_MS)).outcome, 'unchanged')
    sign(file)
    const signed = await syncAt(4 * HOUR_MS)
    assert.ok(signed.outcome === 'published')
    assert.deepEqual(await mirror.defects(signed.snapshot), [])
    const captured = (await mirror.repodata(signed.snapshot)).get('repodata/repomd.xml.asc')
    assert.equal(captured?.toString(), readFileSync(file, 'utf8'))
    const requests = upstream.count()
    assert.equal((await syncAt(5 * HOUR_MS)).outcome, 'unchanged')
    assert.equal(upstream.count() - requests, 1)
  })

  test('goes on when upstream stops signing', async (t) => {
    const { change, mirror } = await setUp(t)
    const hopes = new SignatureHopes()
    const syncAt = (nowMs: number) => mirror.sync({ hopes, now: () => START + nowMs })
    sign(change('a'))
    await syncAt(0)
    change('b')
    assert.match(reasonOf(await syncAt(1)), /not yet/)
    assert.equal((await syncAt(HOUR_MS + 1)).outcome, 'published')
    change('c')
    const next = await syncAt(HOUR_MS + 2)
    assert.ok(next.outcome === 'published')
    assert.deepEqual(await mirror.defects(next.snapshot), [])
  })
})

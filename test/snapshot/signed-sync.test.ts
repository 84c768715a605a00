import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { PinyonError } from '../../src/model/errors.ts'
import type { SignatureCheck } from '../../src/snapshot/keys/await-signature.ts'
import { createJudge } from '../../src/snapshot/keys/judge.ts'
import { KeyRing, type KeySource } from '../../src/snapshot/keys/key-ring.ts'
import { createVerifier } from '../../src/snapshot/keys/verifier.ts'
import type { SyncResult } from '../../src/snapshot/sync.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { createTwoKeys } from '../support/two-keys.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { openMirror, type MirrorUnderTest } from './mirror-under-test.ts'

const TOOLS = needs('gpg')
const KEY_URL = 'https://keys.example.org/KEY'

const { gpg, own, other } = await createTwoKeys(TOOLS, { algorithm: 'ed25519' })

/** A mirror that checks signatures, of an upstream in a directory. */
class SignedMirror {
  readonly dir: string
  readonly upstream: Upstream
  readonly mirror: MirrorUnderTest
  /** What the key's URL answers. */
  keyAnswer: Buffer | PinyonError
  keyFetches = 0
  /** Pauses that were made; each may do something. */
  readonly pauses: number[] = []
  onPause: () => unknown = () => undefined
  sources: readonly KeySource[]
  /** Milliseconds since the epoch, for keys and what they signed. */
  nowMs = Date.now()
  readonly #verify: SignatureCheck

  private constructor(t: TestContext, dir: string, upstream: Upstream, key: Buffer) {
    this.dir = dir
    this.upstream = upstream
    this.mirror = openMirror(t, { baseurls: [upstream.url] })
    this.keyAnswer = key
    this.sources = [{ url: KEY_URL }]
    const stop = new AbortController()
    t.after(() => stop.abort())
    const now = () => this.nowMs
    const ring = new KeyRing({ store: this.mirror.store.keys, judge: createJudge(stop.signal), now })
    const fetch = async () => {
      this.keyFetches += 1
      if (this.keyAnswer instanceof PinyonError) throw this.keyAnswer
      return this.keyAnswer
    }
    const verify = (repomd: Buffer, signature: Buffer) =>
      createVerifier({ ring, sources: this.sources, fetch, now })(repomd, signature)
    const sleep = async (ms: number) => {
      this.pauses.push(ms)
      await this.onPause()
    }
    this.#verify = { verify, now, sleep }
  }

  static async open(t: TestContext): Promise<SignedMirror> {
    const dir = tempDir(t)
    writeSyntheticRepository(dir, { packages: [{ name: 'a' }] })
    return new SignedMirror(t, dir, await startUpstream(t, dir), await gpg.export([own]))
  }

  get repomd(): Buffer {
    return readFileSync(join(this.dir, 'repodata/repomd.xml'))
  }

  /** Publishes another package upstream, as yet unsigned. */
  change(name: string, revision = 1_600_000_000): void {
    writeSyntheticRepository(this.dir, { packages: [{ name }], revision })
  }

  /** Puts a signature there. */
  put(signature: Buffer | string): void {
    writeFileSync(join(this.dir, 'repodata/repomd.xml.asc'), signature)
  }

  async sign(key = own): Promise<void> {
    this.put(await gpg.sign(this.repomd, { keys: [key] }))
  }

  async sync(): Promise<SyncResult> {
    return await this.mirror.sync({ signature: this.#verify })
  }

  /** Syncs without looking at signatures. */
  async syncUnchecked(): Promise<SyncResult> {
    return await this.mirror.sync()
  }

  async publish(): Promise<string> {
    const result = await this.sync()
    if (result.outcome === 'published') return result.snapshot.name
    throw new Error(`the sync was ${result.outcome}`, {
      cause: result.outcome === 'failed' ? result.error : '',
    })
  }

  /** Syncs, expecting a refusal which leaves everything as it was, and says why. */
  async expectRefusal(reason: RegExp): Promise<void> {
    const snapshots = await this.mirror.store.snapshots('m')
    const result = await this.sync()
    assert.equal(result.outcome, 'failed')
    assert.equal(result.error.code, 'SIGNATURE_REFUSED', result.error.message)
    assert.match(result.error.message, reason)
    assert.deepEqual(await this.mirror.store.snapshots('m'), snapshots)
    const [state] = await this.mirror.store.mirrors()
    assert.equal(state?.error, result.error.message)
  }
}

/** A name for what a sync came to. */
function outcomeOf(result: SyncResult): string {
  return result.outcome === 'failed' ? `${result.error.code}: ${result.error.message}` : result.outcome
}

describe('a mirror with repo_gpgcheck', TOOLS, () => {
  test('publishes what is signed, and says by whom', async (t) => {
    const mirror = await SignedMirror.open(t)
    await mirror.sign()
    await mirror.publish()
    const [snapshot] = await mirror.mirror.store.snapshots('m')
    assert.ok(snapshot !== undefined)
    const signature = await mirror.mirror.store.signature(snapshot)
    assert.deepEqual(
      [signature?.fingerprint, signature?.primary, signature?.owner],
      [own, own, 'Own <own@example.org>'],
    )
    const files = await mirror.mirror.repodata(snapshot)
    assert.deepEqual(
      files.get('repodata/repomd.xml.asc'),
      readFileSync(join(mirror.dir, 'repodata/repomd.xml.asc')),
    )
    assert.deepEqual(mirror.pauses, [])
    const requests = mirror.upstream.count()
    assert.equal(outcomeOf(await mirror.sync()), 'unchanged')
    assert.equal(mirror.upstream.count() - requests, 1, 'nothing new is one request')
    assert.equal(mirror.keyFetches, 1)
  })

  const refusals: [string, (mirror: SignedMirror) => unknown, RegExp][] = [
    ['without a signature', () => undefined, /upstream has no repomd.xml.asc/],
    [
      'signed by an unknown key',
      (mirror) => mirror.sign(other),
      /unknown key: [0-9A-F]{40}; gpgkey has [0-9A-F]{40}$/,
    ],
    [
      'whose signature is of other bytes',
      async (mirror) => mirror.put(await gpg.sign(Buffer.of(1), { keys: [own] })),
      /no signature of these bytes by the key that it names, [0-9A-F]{40} \(Own <own@example\.org>\)/,
    ],
    ['whose signature is a page', (mirror) => mirror.put('<html></html>'), /upstream has no repomd.xml.asc/],
    [
      'whose signature is cut short',
      async (mirror) => mirror.put((await gpg.sign(mirror.repomd, { keys: [own] })).subarray(0, 90)),
      /armour without its end/,
    ],
    [
      'that is clear-signed',
      async (mirror) => mirror.put(await gpg.sign(mirror.repomd, { keys: [own], how: ['--clearsign'] })),
      /no detached signature but: SIGNED MESSAGE/,
    ],
  ]
  for (const [name, arrange, reason] of refusals)
    test(`refuses one ${name}, and keeps the last snapshot`, async (t) => {
      const mirror = await SignedMirror.open(t)
      await mirror.sign()
      await mirror.publish()
      mirror.change('b')
      await arrange(mirror)
      await mirror.expectRefusal(reason)
      await mirror.expectRefusal(reason)
      await mirror.sign()
      await mirror.publish()
    })

  test('publishes nothing where the first one is not signed', async (t) => {
    const mirror = await SignedMirror.open(t)
    await mirror.expectRefusal(/upstream has no repomd.xml.asc/)
    const named = mirror.upstream.requests.map(({ path }) => path)
    assert.ok(
      named.every((path) => path.startsWith('/repodata/repomd.xml')),
      'nothing else was fetched',
    )
  })

  test('waits for a signature that comes after its repomd.xml', async (t) => {
    const mirror = await SignedMirror.open(t)
    await mirror.sign()
    const before = readFileSync(join(mirror.dir, 'repodata/repomd.xml.asc'))
    await mirror.publish()
    mirror.change('b')
    mirror.put(before)
    mirror.onPause = async () => mirror.pauses.length === 2 && (await mirror.sign())
    await mirror.publish()
    assert.deepEqual(mirror.pauses, [1000, 2000])
  })

  test('starts over when upstream publishes while it waits', async (t) => {
    const mirror = await SignedMirror.open(t)
    mirror.onPause = async () => {
      if (mirror.pauses.length > 1) return
      mirror.change('c')
      await mirror.sign()
    }
    await mirror.publish()
    assert.deepEqual(mirror.pauses, [1000])
  })

  test('checks a snapshot that was published before it had to, once', async (t) => {
    const mirror = await SignedMirror.open(t)
    await mirror.sign()
    assert.equal(outcomeOf(await mirror.syncUnchecked()), 'published')
    assert.equal(outcomeOf(await mirror.sync()), 'unchanged')
    const [snapshot] = await mirror.mirror.store.snapshots('m')
    assert.equal((await mirror.mirror.store.signature(snapshot!))?.fingerprint, own)
    const requests = mirror.upstream.count()
    assert.equal(outcomeOf(await mirror.sync()), 'unchanged')
    assert.equal(mirror.upstream.count() - requests, 1)
  })

  test('says of a snapshot that was published before it had to that it is not signed, and takes a signature up', async (t) => {
    const mirror = await SignedMirror.open(t)
    assert.equal(outcomeOf(await mirror.syncUnchecked()), 'published')
    await mirror.expectRefusal(/upstream has no repomd.xml.asc/)
    await mirror.sign()
    await mirror.publish()
    assert.equal((await mirror.mirror.store.snapshots('m')).length, 2)
  })
})

describe('keys from a URL', TOOLS, () => {
  test('outlive it', async (t) => {
    const mirror = await SignedMirror.open(t)
    await mirror.sign()
    await mirror.publish()
    mirror.keyAnswer = new PinyonError('UPSTREAM_UNREACHABLE', 'gone')
    mirror.nowMs += 100 * 3_600_000
    mirror.change('b')
    await mirror.sign()
    await mirror.publish()
    assert.equal(mirror.keyFetches, 2)
  })

  test('are asked for before anything else is, and named when they cannot be had', async (t) => {
    const mirror = await SignedMirror.open(t)
    await mirror.sign()
    mirror.keyAnswer = new PinyonError('UPSTREAM_UNREACHABLE', 'nobody there')
    await mirror.expectRefusal(
      /gpgkey has no key; gpgkey https:\/\/keys.example.org\/KEY cannot be used: nobody there/,
    )
    mirror.nowMs += 10_000
    mirror.keyAnswer = Buffer.from('<html>')
    await mirror.expectRefusal(/cannot be used: no OpenPGP public key, bytes: 6/)
    mirror.nowMs += 10_000
    mirror.keyAnswer = await gpg.export([own])
    await mirror.publish()
  })

  test('are those that it had first: later ones are strangers, unless a file has them', async (t) => {
    const mirror = await SignedMirror.open(t)
    await mirror.sign()
    await mirror.publish()
    mirror.keyAnswer = await gpg.export([own, other])
    mirror.nowMs += 120_000
    mirror.change('b')
    await mirror.sign(other)
    await mirror.expectRefusal(
      new RegExp(`unknown key: ${other}.* not trusted: ${other}; if they are meant, give them as a file`),
    )
    mirror.sources = [...mirror.sources, { file: '/k', armored: await gpg.export([other]) }]
    await mirror.publish()
  })

  test('are renewed when they have expired, and revoked for good', async (t) => {
    const key = await gpg.generate('short', { algorithm: 'ed25519', expires: 'seconds=3600' })
    const mirror = await SignedMirror.open(t)
    mirror.keyAnswer = await gpg.export([key])
    await mirror.sign(key)
    await mirror.publish()
    mirror.nowMs += 2 * 3_600_000
    mirror.change('b')
    await mirror.sign(key)
    await mirror.expectRefusal(/expired on/)
    await gpg.run('--passphrase', '', '--quick-set-expire', key, '0')
    const renewed = await gpg.export([key])
    mirror.keyAnswer = renewed
    mirror.nowMs += 120_000
    await mirror.publish()
    mirror.change('c')
    await mirror.sign(key)
    await gpg.revoke(key)
    mirror.keyAnswer = await gpg.export([key])
    mirror.nowMs += 48 * 3_600_000
    await mirror.expectRefusal(/the key is revoked/)
    // Whoever has stolen the key may be able to bring back how it was before.
    mirror.keyAnswer = renewed
    mirror.nowMs += 48 * 3_600_000
    await mirror.expectRefusal(/the key is revoked/)
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { PinyonError } from '../../src/model/errors.ts'
import type { JudgedKeys } from '../../src/signature/judge-keys.ts'
import type { Judge } from '../../src/snapshot/keys/judge.ts'
import { KeyRing } from '../../src/snapshot/keys/key-ring.ts'
import type { FetchedKeys, KeyStore } from '../../src/snapshot/keys/key-store.ts'
import { gate as createGate } from '../support/gate.ts'

// When keys are fetched; what becomes of them is in signed-sync.test.ts.

const URL = 'https://keys.example.org/KEY'
const SOURCES = [{ url: URL }]
const HOUR_MS = 3_600_000

/** Keys are their own bytes, one key a file. */
const JUDGE: Judge = {
  judge: async (bytes) => judged(bytes),
  renew: async (_before, newer) => ({ ...judged(newer), strangers: [] }),
}

function judged(bytes: Buffer): JudgedKeys {
  const key = {
    fingerprint: bytes.toString(),
    primary: bytes.toString(),
    owner: '',
    algorithm: 1,
    kind: 'rsa2048',
    createdAt: 0,
    expiresAt: undefined,
    spki: new Uint8Array(),
    refusal: undefined,
  }
  return { keys: [key], packets: new Map([[key.primary, bytes]]), problems: [] }
}

function createStore(): KeyStore {
  const kept = new Map<string, FetchedKeys>()
  return {
    fetchedKeys: async (url) => kept.get(url),
    trustKeys: async (keys) => {
      kept.set(keys.url, kept.get(keys.url) ?? keys)
      return kept.get(keys.url) ?? keys
    },
    renewKeys: async (keys) => void kept.set(keys.url, keys),
    forgetKeys: async () => kept.clear(),
  }
}

/** A ring of one URL, whose time and answers are set. */
class RingUnderTest {
  nowMs = 0
  fetches = 0
  answer: () => Promise<string> = async () => 'A'
  readonly ring = new KeyRing({ store: createStore(), judge: JUDGE, now: () => this.nowMs })

  async keys(freshness: 'lax' | 'daily' | 'soon' = 'daily'): Promise<string> {
    const fetch = async () => {
      this.fetches += 1
      return Buffer.from(await this.answer())
    }
    const { keys, problems } = await this.ring.keysOf(SOURCES, fetch, freshness)
    return [...keys.map(({ fingerprint }) => fingerprint), ...problems].join(' ')
  }
}

describe('keys of a URL', () => {
  test('are fetched once, however many ask at first', async () => {
    const under = new RingUnderTest()
    assert.deepEqual(await Promise.all([under.keys(), under.keys(), under.keys('lax')]), ['A', 'A', 'A'])
    assert.equal(under.fetches, 1)
  })

  test('are fetched daily, and when something was refused once a minute', async () => {
    const under = new RingUnderTest()
    await under.keys()
    under.answer = async () => 'B'
    under.nowMs += 24 * HOUR_MS - 1
    assert.equal(await under.keys(), 'A')
    under.nowMs += 1
    assert.equal(await under.keys(), 'B')
    under.answer = async () => 'C'
    under.nowMs += 59_999
    assert.equal(await under.keys('soon'), 'B')
    under.nowMs += 1
    assert.equal(await under.keys('soon'), 'C')
    assert.equal(under.fetches, 3)
  })

  test('are not waited for where any will do', async () => {
    const under = new RingUnderTest()
    await under.keys()
    const gate = createGate()
    under.answer = async () => {
      await gate.opened
      return 'B'
    }
    under.nowMs += 48 * HOUR_MS
    assert.equal(await under.keys('lax'), 'A')
    const waiting = under.keys('soon')
    gate.open()
    assert.equal(await waiting, 'B')
    assert.equal(under.fetches, 2)
  })

  test('that cannot be had are not asked for with every request', async () => {
    const under = new RingUnderTest()
    under.answer = async () => {
      throw new PinyonError('UPSTREAM_UNREACHABLE', 'nobody there')
    }
    const reason = `gpgkey ${URL} cannot be used: nobody there`
    assert.deepEqual(
      [await under.keys(), await under.keys('lax'), await under.keys('soon')],
      [reason, reason, reason],
    )
    assert.equal(under.fetches, 1)
    under.nowMs += 5_000
    under.answer = async () => 'A'
    assert.equal(await under.keys(), 'A')
  })
})

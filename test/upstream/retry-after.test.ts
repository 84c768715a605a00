import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'

import { LONGEST_REST_MS, readRetryAfter } from '../../src/upstream/retry-after.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'
import { Network } from '../../src/upstream/network.ts'
import { openUpstream } from './open-upstream.ts'

const NOW = Date.UTC(2026, 0, 1)

describe('Retry-After', () => {
  test('is seconds or a date, of 429 and 503 alone, and at most ten minutes', () => {
    for (const [status, header, expected] of [
      [503, '120', 120_000],
      [429, ' 1 ', 1_000],
      [503, 'Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
      [503, 'Thursday, 01-Jan-26 00:00:30 GMT', 30_000],
      [503, '99999999', LONGEST_REST_MS],
      [503, 'Fri, 31 Dec 9999 23:59:59 GMT', LONGEST_REST_MS],
      [503, '0', undefined],
      [503, '-1', undefined],
      [503, '1.5', undefined],
      [503, '2', 2_000],
      [503, 'Wed, 31 Dec 2025 00:00:00 GMT', undefined],
      [503, 'soon', undefined],
      [503, undefined, undefined],
      [500, '120', undefined],
      [302, '120', undefined],
    ] as const)
      assert.equal(readRetryAfter(status, header, NOW), expected, `${status} ${header}`)
  })

  test('of any text is nothing or a rest of at most that', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.date({ noInvalidDate: true }).map(String)), (header) => {
        const restMs = readRetryAfter(503, header, NOW)
        assert.ok(restMs === undefined || (restMs > 0 && restMs <= LONGEST_REST_MS), String(restMs))
      }),
    )
  })
})

describe('a source that wants to be left alone', () => {
  test('is not asked until then: others are, and where there are none it is waited for, if that is soon', async (t) => {
    const root = tempDir(t)
    writeFileSync(join(root, 'file'), 'file')
    const [busy, other] = [await startUpstream(t, root), await startUpstream(t, root)]
    let nowMs = 0
    const now = () => nowMs
    const { upstream, pauses } = openUpstream(t, [busy.url, other.url], { now })
    busy.rules = [{ match: 'file', status: 503, headers: { 'Retry-After': '40' } }]
    for (let round = 0; round < 5; round += 1) {
      nowMs += 7_000
      assert.equal((await upstream.get('file')).baseurl, other.url)
    }
    assert.deepEqual([busy.count(), other.count()], [1, 5])
    const alone = openUpstream(t, [busy.url], { now, sleep: async (ms) => void (nowMs += ms) })
    await assert.rejects(alone.upstream.get('file'), { code: 'UPSTREAM_STATUS' })
    busy.rules = []
    const before = nowMs
    assert.equal((await alone.upstream.get('file')).status, 200)
    assert.equal(nowMs - before, 40_000)
    assert.deepEqual(pauses, [])
  })

  test('for long is an error that says when, for clients sooner than for others', async (t) => {
    const root = tempDir(t)
    const busy = await startUpstream(t, root)
    busy.rules = [{ match: 'file', status: 429, headers: { 'Retry-After': '50' } }]
    let nowMs = 0
    const sleep = async (ms: number) => void (nowMs += ms)
    const { upstream } = openUpstream(t, [busy.url], { now: () => nowMs, sleep })
    await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_STATUS' })
    await assert.rejects(
      upstream.get('file', { isAwaited: true }),
      (error: { message: string; facts: object }) => {
        assert.match(
          error.message,
          /^upstream wants to be left alone, and is asked again in 50 s: .* answered: 429$/,
        )
        assert.deepEqual(error.facts, { retryAfterSeconds: 50 })
        return true
      },
    )
    assert.equal(busy.count(), 1)
    nowMs += 49_000
    await assert.rejects(upstream.get('file', { isAwaited: true }), { code: 'UPSTREAM_STATUS' })
    assert.equal(busy.count(), 2, 'a second is waited for')
    busy.rules = [{ match: 'file', status: 503, headers: { 'Retry-After': '3600' } }]
    nowMs += 60_000
    await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_STATUS' })
    await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_DOWN' })
    assert.equal(busy.count(), 3)
  })

  test('is left alone by every mirror of its host, and by none of another', async (t) => {
    const root = tempDir(t)
    writeFileSync(join(root, 'file'), 'file')
    const [busy, other] = [await startUpstream(t, root), await startUpstream(t, root)]
    busy.rules = [{ match: 'file', status: 429, headers: { 'Retry-After': '90' }, times: 1 }]
    let nowMs = 0
    const options = {
      now: () => nowMs,
      sleep: async (ms: number) => void (nowMs += ms),
      network: new Network(),
    }
    const open = (url: string) => openUpstream(t, [url], options).upstream
    const [first, second, elsewhere] = [open(busy.url), open(`${busy.url}b/../`), open(other.url)]
    await assert.rejects(first.get('file'), { code: 'UPSTREAM_STATUS' })
    await assert.rejects(second.get('file'), {
      code: 'UPSTREAM_DOWN',
      message: /^upstream wants to be left alone, and is asked again in 90 s: .*file answered: 429$/,
    })
    assert.deepEqual([second.health[0]?.state, second.health[0]?.retryInMs], ['set aside', 90_000])
    assert.equal((await elsewhere.get('file')).status, 200)
    assert.equal(busy.count(), 1)
    nowMs += 90_000
    assert.equal((await second.get('file')).status, 200)
    assert.equal((await first.get('file')).status, 200)
  })
})

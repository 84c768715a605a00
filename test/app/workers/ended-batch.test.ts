import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deserialize, serialize } from 'node:v8'
import * as fc from 'fast-check'

import {
  EndedRequests,
  readBatch,
  type EndedBatch,
  type WorkerRequest,
} from '../../../src/app/workers/ended-batch.ts'
import { createCounters } from '../../../src/http/count-traffic.ts'
import type { EndedRequest } from '../../../src/http/ended-request.ts'
import { HitSampler, type HitSum } from '../../../src/http/hit-sampler.ts'
import { PinyonError } from '../../../src/model/errors.ts'
import type { UsageRecorder } from '../../../src/snapshot/usage/usage-recorder.ts'
import type { Snapshot } from '../../../src/snapshot/store.ts'
import { Tally } from '../../../src/system/tally.ts'
import { Traffic } from '../../../src/system/traffic.ts'

/** What the channel between two processes makes of it. */
function send(batch: EndedBatch): EndedBatch {
  return deserialize(serialize(batch)) as EndedBatch
}

const CONNECTIONS = [{}, {}, {}]

const ended = fc.record({
  count: fc.constant(1),
  method: fc.constant('GET'),
  target: fc.constantFrom('/a', '/b', '/a b'),
  status: fc.constantFrom(200, 206, 304),
  outcome: fc.constantFrom('hit', 'not_modified', 'aborted', undefined),
  startedAt: fc.constant(0),
  headAt: fc.constantFrom(undefined, 1, 2.5),
  endedAt: fc.constant(3),
  id: fc.constant('w-1'),
  client: fc.constantFrom('10.0.0.1', '::1', undefined),
  userAgent: fc.constantFrom('curl', 'libdnf', undefined),
  snapshot: fc.constant(undefined),
  packageName: fc.constantFrom('bash', undefined),
  error: fc.constantFrom(undefined, new PinyonError('BLOB_UNREADABLE', 'it ended early')),
  note: fc.constantFrom(undefined, { ranges: 2 }, { ranges: 3 }),
  bytes: fc.nat(2 ** 40),
  connection: fc.constantFrom(...CONNECTIONS),
}) as fc.Arbitrary<EndedRequest>

/** What of a request is to be the same; of one target all requests are about one package. */
function essence({
  target,
  status,
  outcome,
  client,
  userAgent,
  note,
  bytes,
  error,
  startedAt,
  headAt,
  endedAt,
  id,
}: EndedRequest) {
  const firstMs = headAt === undefined ? undefined : Math.round((headAt - startedAt) * 1e6)
  const ms = Math.round((endedAt - startedAt) * 1e6)
  return { id, target, status, outcome, client, userAgent, note, bytes, code: error?.code, firstMs, ms }
}

const SNAPSHOTS = [1, 2].map((id) => ({ id, mirrorId: id, mirror: `m${id}`, name: `s${id}` }) as Snapshot)
const HIT = { outcome: 'hit' } as const
const ANSWERS = [HIT, { ...HIT }, { outcome: 'not_modified' }] as const

/** A request of which no line tells, as a worker answers it: most are as quick as others, some right at the end of a bucket. */
const unlogged = fc
  .tuple(
    ended,
    fc.nat(2),
    fc.constantFrom(undefined, 0.25, 0.5, 1, 2, 2.5, 5, 7.5, 40_000),
    fc.constantFrom(true, true, true, false),
  )
  .map(([request, which, headAt, isWhole]): WorkerRequest => {
    const answer = ANSWERS[which]
    const outcome = isWhole ? answer?.outcome : 'aborted'
    const shared = { target: `/repos/yum/m/${which}.rpm`, status: 200, note: undefined, packageName: 'bash' }
    const [snapshot, error] = [SNAPSHOTS[which % 2], undefined]
    const endedAt = (headAt ?? 0) + 0.5
    return { ...request, ...shared, answer, outcome, snapshot, headAt, endedAt, error, id: undefined }
  })

/** All that is counted of requests, by the counters themselves. */
function count(requests: Iterable<EndedRequest>): object {
  const tally = new Tally()
  tally.setMirrors(['m1', 'm2'])
  const traffic = new Traffic(() => 0)
  const used = new Map<string, number>()
  const add = (key: string, more: number) => used.set(key, (used.get(key) ?? 0) + more)
  const usage = {
    identify: (address: string, agent: string | undefined) => `${address} ${agent}`,
    recordName: (snapshot: Snapshot, name: string) => used.set(`${snapshot.mirrorId} ${name}`, 1),
    record: (snapshot: Snapshot, client: string, bytes: number, times: number) => {
      add(`${snapshot.id} ${client} requests`, times)
      add(`${snapshot.id} ${client} bytes`, bytes)
    },
  } as unknown as UsageRecorder
  let sums: readonly HitSum[] = []
  const sampler = new HitSampler((told) => (sums = told))
  const onEnd = createCounters({ usage, traffic, tally })
  for (const request of requests) {
    onEnd(request)
    if (request.outcome !== 'aborted') sampler.leaveOut(request)
  }
  sampler.flush()
  const told = sums.map((sum) => ({ ...sum, snapshot: sum.snapshot?.id, ms: Math.round(sum.ms * 1e6) }))
  return {
    tally: JSON.stringify(tally.snapshot(), (_, value: unknown) =>
      typeof value === 'number' ? Math.round(value * 1e9) / 1e9 : value,
    ),
    traffic: traffic.report(),
    used,
    sums: told.map((sum) => JSON.stringify(sum)).toSorted(),
  }
}

describe('requests that have ended', () => {
  test('of which no line tells are added up, and come to the same in every figure', () => {
    fc.assert(
      fc.property(fc.array(unlogged, { maxLength: 400 }), (requests) => {
        const collected = new EndedRequests()
        for (const request of requests) collected.add(request, false)
        const told = [...readBatch(send(collected.take()))]
        assert.deepEqual(count(told), count(requests))
        const aborted = requests.filter(({ outcome }) => outcome === 'aborted').length
        assert.equal(told.filter(({ isSum }) => !isSum).length, aborted)
      }),
      { numRuns: 40 },
    )
  })

  test('take no more to tell when there are more of them', () => {
    const collected = new EndedRequests()
    const [request] = fc.sample(unlogged, 1)
    assert.ok(request !== undefined)
    const hit = { ...request, outcome: request.answer?.outcome }
    const news = Array.from({ length: 1_000 }, () => collected.add(hit, false))
    assert.deepEqual([news.filter(Boolean).length, collected.size], [1, 1])
    const [sum, ...others] = readBatch(collected.take())
    assert.deepEqual([sum?.count, sum?.bytes, others], [1_000, hit.bytes * 1_000, []])
  })

  test('are told of one by one, in their order, whatever they were', () => {
    fc.assert(
      fc.property(fc.array(ended, { maxLength: 600 }), (requests) => {
        const collected = new EndedRequests()
        for (const request of requests) collected.add(request, true)
        const told = [...readBatch(send(collected.take()))]
        assert.deepEqual(told.map(essence), requests.map(essence))
        assert.deepEqual([...readBatch(send(collected.take()))], [])
      }),
      { numRuns: 50 },
    )
  })

  test('are counted where too many wait to be told', () => {
    const collected = new EndedRequests()
    const [request] = fc.sample(ended, 1)
    assert.ok(request !== undefined)
    for (let count = 0; count < 500_003; count += 1) collected.add(request, true)
    const batch = collected.take()
    assert.equal(batch.dropped, 3)
    assert.equal(batch.rows.length, 500_000 * 5)
    assert.equal(collected.take().dropped, 0)
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deserialize, serialize } from 'node:v8'
import * as fc from 'fast-check'

import { EndedRequests, readBatch, type EndedBatch } from '../../../src/app/workers/ended-batch.ts'
import type { EndedRequest } from '../../../src/http/ended-request.ts'
import { PinyonError } from '../../../src/model/errors.ts'

/** What the channel between two processes makes of it. */
function send(batch: EndedBatch): EndedBatch {
  return deserialize(serialize(batch)) as EndedBatch
}

const CONNECTIONS = [{}, {}, {}]

const ended = fc.record({
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

describe('requests that have ended', () => {
  test('are told of one by one, in their order, whatever they were', () => {
    fc.assert(
      fc.property(fc.array(ended, { maxLength: 600 }), (requests) => {
        const collected = new EndedRequests()
        for (const request of requests) collected.add(request, true)
        const told = [...readBatch(send(collected.take()), () => ({}))]
        assert.deepEqual(told.map(essence), requests.map(essence))
        assert.deepEqual([...readBatch(send(collected.take()), () => ({}))], [])
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

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { memoryDir } from '../snapshot/mirror-under-test.ts'
import { flipsAt, TornUpstreams, type SourceSchedule } from './torn-upstreams.ts'

// Promise 1 of design §3 with mirrors that a metalink lists, any of which may be out of step with it. `npm run torn` goes through every
// interleaving; here are those at every fourth request.

const STEP = Number(process.env['TORN_STEP'] ?? 4)
const LAST = 12
const TIMES = Array.from({ length: Math.floor(LAST / STEP) + 1 }, (_, index) => index * STEP)

/** What a sync may end with that an upstream in motion disturbed. */
const TROUBLE = [
  'REPODATA_MOVING',
  'REPODATA_UNLISTED',
  'UPSTREAM_GONE',
  'UPSTREAM_UNREACHABLE',
  'UPSTREAM_STATUS',
]

const AT_REST: SourceSchedule = () => ({ generation: 1 })

/** A source of the newest generation that answers no request from this number on. */
function diesAt(at: number): SourceSchedule {
  return (request) => ({ generation: 1, hangUp: request >= at })
}

for (const simpleNames of [false, true])
  describe(`mirrors and their metalink: ${simpleNames ? 'fixed file names' : 'file names with checksums'}`, () => {
    test('each go to another generation at any request: one of them is published, or none', async (t) => {
      const torn = await TornUpstreams.start(t, { sources: 2, simpleNames, metalink: true })
      const tally = { 0: 0, 1: 0, failed: 0 }
      for (const list of TIMES)
        for (const first of TIMES)
          for (const second of TIMES)
            await torn.withMirror(memoryDir(t), async (mirror) => {
              const schedules = [flipsAt(first), flipsAt(second), flipsAt(list)]
              const { result } = await torn.sync(mirror, ...schedules)
              if (result.outcome === 'published')
                tally[(await torn.generationOf(mirror, result)) as 0 | 1] += 1
              else {
                assert.ok(result.outcome === 'failed')
                assert.ok(TROUBLE.includes(result.error.code), result.error.message)
                tally.failed += 1
              }
              // When upstream has come to rest, so does the mirror.
              const { result: last } = await torn.sync(mirror, AT_REST, AT_REST, AT_REST)
              if (last.outcome === 'published') assert.equal(await torn.generationOf(mirror, last), 1)
              else assert.equal(last.outcome, 'unchanged', JSON.stringify(last))
              const [newest] = await mirror.store.snapshots('m')
              const repomd = (await mirror.repodata(newest ?? assert.fail())).get('repodata/repomd.xml')
              assert.ok(repomd?.includes('1600000001'), 'it is the newest')
            })
      assert.ok(tally[0] > 0 && tally[1] > 0, JSON.stringify(tally))
      t.diagnostic(JSON.stringify(tally))
    })

    test('one dies at any request, and the other is behind: what is listed is published whole, or nothing', async (t) => {
      const torn = await TornUpstreams.start(t, { sources: 2, simpleNames, metalink: true })
      const tally = { 0: 0, 1: 0, failed: 0 }
      for (let at = 0; at <= LAST; at += 1)
        await torn.withMirror(memoryDir(t), async (mirror) => {
          const { result } = await torn.sync(mirror, diesAt(at), () => ({ generation: 0 }), AT_REST)
          if (result.outcome === 'published') tally[(await torn.generationOf(mirror, result)) as 0 | 1] += 1
          else tally.failed += 1
        })
      assert.ok(tally[0] > 0 && tally[1] > 0, JSON.stringify(tally))
    })
  })

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { auditLines, CI_TOKEN, startWritableSite } from './writable-site.ts'

const PATH = 'mirrors/a/fetch'

describe('POST mirrors/<mirror>/fetch', () => {
  test('fetches what is named, and answers with lines of JSON', async (t) => {
    const site = await startWritableSite(t)
    const reply = await site.write('POST', PATH, { token: CI_TOKEN, body: { packages: ['p'] } })
    assert.deepEqual([reply.status, reply.headers['content-type']], [200, 'application/x-ndjson'])
    const lines = reply.body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { result?: object; progress?: { total: number } })
    assert.equal(lines[0]?.progress?.total, 1)
    const counts = { total: 1, fetched: 1, bytes: 1000, lost: 0, failed: 0, reason: null, stopped: null }
    assert.deepEqual(lines.at(-1)?.result, { mirror: 'a', ...counts })
    assert.equal(site.upstream.count('.rpm'), 1)
    const [line] = auditLines(site)
    assert.deepEqual([line?.['fetched'], line?.['actor']], [1, 'token ci'])
  })

  test('fetches what is at risk, and all', async (t) => {
    const site = await startWritableSite(t)
    for (const which of ['at_risk', 'all'])
      assert.match(
        (await site.write('POST', PATH, { socket: true, body: { which } })).body,
        /"total":1,"fetched":1,/,
      )
  })

  test('needs a token, and is refused for what it cannot understand or find', async (t) => {
    const site = await startWritableSite(t)
    assert.equal((await site.write('POST', PATH)).status, 401)
    const refused = async (body: unknown, path = PATH) => {
      const { status, json } = await site.write('POST', path, { socket: true, body })
      return `${status} ${String(json['detail'])}`
    }
    assert.match(await refused({ packages: 'p' }), /^400 .*packages: expected at most 1000 strings/)
    assert.match(await refused({ packages: [''] }), /^400 /)
    assert.match(await refused({ packages: Array.from({ length: 1_001 }, () => 'p') }), /^400 /)
    assert.match(await refused({ which: 'some' }), /^400 .*expected one of at_risk, all/)
    assert.match(
      await refused({ packages: ['q'] }),
      /^404 the current snapshot of a lists no such package: q$/,
    )
    assert.match(await refused({}, 'mirrors/x/fetch'), /^404 no such mirror, there are a, b: x$/)
    assert.equal(site.upstream.count('.rpm'), 0)
  })
})

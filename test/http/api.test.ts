import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { LAST_MODIFIED, SNAPSHOT, startSite } from './site.ts'

describe('the API', () => {
  test('tells of mirrors and their snapshots', async (t) => {
    const site = await startSite(t, {
      packages: [
        { name: 'a', content: 700 },
        { name: 'b', content: 300 },
      ],
      others: ['none'],
    })
    // What is cached is counted once a snapshot is there.
    await site.app.prefetcher.settled('m')
    const departed = { kept: 0, kept_bytes: 0, at_risk: 0, at_risk_bytes: 0, lost: 0, lost_bytes: 0 }
    const cached = { cached: 0, cached_bytes: 0 }
    const get = async (path: string) => {
      const { status, headers, body } = await httpGet(`${site.url}/api/v1/${path}`)
      assert.deepEqual(
        [status, headers['content-type'], headers['cache-control']],
        [200, 'application/json', 'no-cache'],
      )
      return JSON.parse(body.toString()) as Record<string, unknown>
    }
    const mirror = await get('mirrors/m')
    const at = String(mirror['last_sync'])
    assert.match(at, /^2016-12-13T13:\d\d:12\.345Z$/)
    const { signature, gpg_keys: keys, gpg_problems: problems, sources, ...described } = mirror
    // What the list of all mirrors does not tell.
    const { current_since: since, ...own } = {
      newest: described['newest'],
      waiting: described['waiting'],
      current_since: described['current_since'],
      pinned_since: described['pinned_since'],
      on_demand: described['on_demand'],
      interval: described['interval'],
      next_check_at: described['next_check_at'],
      fresh: described['fresh'],
      failing: described['failing'],
      progress: described['progress'],
      usage_24h: described['usage_24h'],
      attention: described['attention'],
    }
    assert.deepEqual(own, {
      newest: SNAPSHOT,
      waiting: 0,
      pinned_since: null,
      on_demand: 2,
      interval: 'off',
      next_check_at: null,
      fresh: true,
      failing: null,
      progress: null,
      usage_24h: { hosts: 0 },
      attention: [],
    })
    assert.match(String(since), /^2016-12-13T13:\d\d:12\.345Z$/)
    const listed = Object.fromEntries(
      Object.entries(described).filter(([key]) => key !== 'current_since' && !Object.hasOwn(own, key)),
    )
    const [source] = sources as Record<string, unknown>[]
    assert.ok(typeof source?.['latency_ms'] === 'number', JSON.stringify(sources))
    assert.deepEqual(sources, [
      {
        baseurl: site.upstream.url,
        state: 'ok',
        failures: 0,
        retry_in_ms: 0,
        error: null,
        listed: false,
        latency_ms: source['latency_ms'],
        bytes_per_second: null,
        failure_share: 0,
      },
    ])
    const unsigned = {
      fingerprint: null,
      key: null,
      owner: null,
      hash: null,
      signed_at: null,
      verified_at: null,
    }
    assert.deepEqual([signature, keys, problems], [{ state: 'none', ...unsigned }, [], []])
    assert.deepEqual(listed, {
      name: 'm',
      enabled: true,
      pinned: false,
      pin_why: null,
      removed_at: null,
      current: SNAPSHOT,
      path: `/repos/yum/m/${SNAPSHOT}`,
      xml_base: null,
      arches: null,
      snapshots: 1,
      last_sync: at,
      last_success: at,
      error: null,
      list: null,
      extra_file_problems: [],
      defects: { count: 0, missing: 0, first: [] },
      identity_problem: null,
      packages: 2,
      ...cached,
      ...departed,
      policy: 'on_demand',
      prefetch: null,
    })
    const none = {
      name: 'none',
      enabled: true,
      pinned: false,
      pin_why: null,
      removed_at: null,
      current: null,
      path: null,
      xml_base: null,
      arches: null,
      snapshots: 0,
      last_sync: null,
      last_success: null,
      error: null,
      sources: [{ ...source, latency_ms: null }],
      list: null,
      extra_file_problems: [],
      defects: { count: 0, missing: 0, first: [] },
      identity_problem: null,
      packages: null,
      cached: null,
      cached_bytes: null,
      ...departed,
      policy: 'on_demand',
      prefetch: null,
    }
    assert.deepEqual(await get('mirrors'), { mirrors: [{ ...listed, sources }, none] })
    const snapshot = {
      name: SNAPSHOT,
      created_at: new Date(Date.parse(LAST_MODIFIED) + 345).toISOString(),
      packages: 2,
      bytes: 1_000,
      revision: '1577836800',
      current: true,
      path: `/repos/yum/m/${SNAPSHOT}`,
      xml_base: null,
      arches: null,
      seq: 1,
      changes: null,
      kept_because: ['current', 'the newest'],
      ...cached,
      ...departed,
    }
    assert.deepEqual(await get('mirrors/m/snapshots'), { snapshots: [snapshot] })
    assert.deepEqual(await get('mirrors/none/snapshots'), { snapshots: [] })
    const { files, defects, digest, fetched, generations, ...rest } = await get(
      `mirrors/m/snapshots/${SNAPSHOT}`,
    )
    assert.deepEqual([(fetched as unknown[]).length, (generations as unknown[]).length], [1, 1])
    const extras = { pinned: 0, listed: 0, cached: 0, at_risk: 0 }
    assert.deepEqual(rest, { ...snapshot, signature, extra_files: extras })
    assert.deepEqual(defects, [])
    const repomd = (files as { path: string; digest: string }[]).find(({ path }) =>
      path.endsWith('repomd.xml'),
    )
    assert.equal(digest, repomd?.digest)
    assert.deepEqual(
      (files as { path: string }[]).map(({ path }) => path).toSorted(),
      ['repodata/repomd.xml', ...site.repository.records.map(({ href }) => href)].toSorted(),
    )
  })

  test('has its last error, and current no more than there is', async (t) => {
    const site = await startSite(t)
    await site.upstream.stop()
    await site.app.sync('m')
    const { body } = await httpGet(`${site.url}/api/v1/mirrors/m`)
    const mirror = JSON.parse(body.toString()) as Record<string, unknown>
    assert.match(String(mirror['error']), /could not be reached/)
    assert.deepEqual([mirror['current'], mirror['last_sync'] === mirror['last_success']], [SNAPSHOT, false])
    const { since, ...failing } = mirror['failing'] as Record<string, unknown>
    assert.deepEqual(failing, { attempts: 1, reason: mirror['error'] })
    assert.equal(since, mirror['last_sync'])
    for (const _ of [2, 3]) await site.app.sync('m')
    const get = async (path: string) =>
      JSON.parse((await httpGet(`${site.url}/api/v1/${path}`)).body.toString()) as Record<string, unknown>
    const { failing: thrice, attention } = await get('mirrors/m')
    assert.deepEqual(thrice, { since, attempts: 3, reason: mirror['error'] })
    assert.deepEqual(await get('attention'), { attention })
    const [{ code } = {}] = attention as Record<string, unknown>[]
    assert.equal(code, 'upstream_down')
  })

  test('answers errors as problems', async (t) => {
    const site = await startSite(t)
    const missing = ['', 'mirror', 'mirrors/x', 'mirrors/x/snapshots', 'mirrors/m/x', 'mirrors/m/snapshots/x']
    for (const path of [
      ...missing,
      `mirrors/m/snapshots/${SNAPSHOT}/x`,
      'mirrors/m/snapshots/2016-12-13-13-31',
    ]) {
      const { status, headers, body } = await httpGet(`${site.url}/api/v1/${path}`)
      assert.deepEqual([status, headers['content-type']], [404, 'application/problem+json'], path)
      const { detail, ...problem } = JSON.parse(body.toString()) as Record<string, unknown>
      const known = { request_id: headers['x-request-id'] }
      assert.deepEqual(problem, { type: 'about:blank', title: 'NOT_FOUND', status: 404, ...known })
      assert.equal(headers['x-pinyon-reason'], detail)
    }
    const refused = await httpGet(`${site.url}/api/v1/%2e%2e/mirrors`)
    assert.deepEqual([refused.status, refused.headers['content-type']], [400, 'application/problem+json'])
  })
})

describe('health', () => {
  test('is ok, and ready once every mirror has a snapshot', async (t) => {
    const ready = await startSite(t)
    assert.deepEqual(
      [(await httpGet(`${ready.url}/healthz`)).status, (await httpGet(`${ready.url}/readyz`)).status],
      [200, 200],
    )
    const unready = await startSite(t, { others: ['none', 'nothing'] })
    assert.equal((await httpGet(`${unready.url}/healthz`)).status, 200)
    const { status, body } = await httpGet(`${unready.url}/readyz`)
    assert.deepEqual([status, body.toString()], [503, 'no snapshot yet of: none nothing\n'])
    for (const path of ['/healthz/x', '/readyz/', '/metric'])
      assert.equal((await httpGet(ready.url + path)).status, path === '/readyz/' ? 200 : 404)
  })
})

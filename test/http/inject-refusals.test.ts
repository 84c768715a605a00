import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { inject, publishNext } from './injecting.ts'
import { startSite } from './site.ts'

const CONFIG = '[m]\nbaseurl=http://upstream/\n'

/** Queries that are refused, and what is said of them. */
const QUERIES: readonly (readonly [query: string, status: number, detail: RegExp])[] = [
  ['colour=red', 400, /^an unknown parameter: "colour"; expected one of view, ttl, generation, .*arch$/],
  ['=', 400, /an unknown parameter: ""/],
  ['__proto__=1', 400, /an unknown parameter: "__proto__"/],
  [`${'x'.repeat(300)}=1`, 400, /an unknown parameter: "x{80}";/],
  ['%0aX-Y:%20z=1', 400, /an unknown parameter: "\\nX-Y: z"/],
  ['strict=1&strict=1', 400, /^strict: expected once, found: more than one$/],
  ['view=a&view=b', 400, /^view: expected once/],
  ['view=a&generation=1', 400, /^view and generation: expected one of them, found: both$/],
  ['view=', 400, /a view's name has 1 to 128 .*: ""/],
  ['view=.a', 400, /a view's name .*: "\.a"/],
  ['view=a%2Fb', 400, /a view's name .*: "a\/b"/],
  [`view=${'x'.repeat(129)}`, 400, /a view's name/],
  ['ttl=1h', 400, /^ttl: expected with a view, found: none$/],
  ['generation=1&ttl=1h', 400, /^ttl: expected with a view/],
  ['view=a&ttl=soon', 400, /expected a ttl from 1s to 14d, such as 24h, found: "soon"/],
  ['view=a&ttl=999ms', 400, /expected a ttl/],
  ['view=a&ttl=', 400, /expected a ttl/],
  ['generation=', 400, /expected a generation's number, found: ""/],
  ['generation=-1', 400, /expected a generation's number, found: "-1"/],
  ['generation=1e3', 400, /expected a generation's number/],
  ['generation=9999999999999999', 400, /expected a generation's number/],
  ['generation=2', 404, /^there is no generation: 2$/],
  ['generation=999999999999999', 404, /^there is no generation: 999999999999999$/],
  ['strict=yes', 400, /^strict: expected 1 or 0, found: "yes"$/],
  ['only_mirrored=true', 400, /^only_mirrored: expected 1 or 0, found: "true"$/],
  ['proxy=none', 400, /^proxy: expected one of auto, keep, _none_, None, found: "none"$/],
  ['proxy=', 400, /^proxy: .*found: ""$/],
  ['pinned=', 400, /^pinned: expected keep, found: ""$/],
  ['pinned=1', 400, /^pinned: expected keep, found: "1"$/],
  ['format=ini', 400, /^format: expected one of auto, yum, repos, mock, found: "ini"$/],
  ['output=json', 400, /^output: expected one of text, report, .*found: "json"$/],
  ['output=repofrompath', 400, /^output=repofrompath: expected a \.repos list, found format: yum$/],
  ['name=a%0ab', 400, /^name: expected a file's name, .*found: "a\\nb"$/],
  ['name=a%E2%80%A8b', 400, /^name: expected a file's name/],
  [`name=${'x'.repeat(4_097)}`, 400, /^name: .*found: "x{80}"$/],
  ['releasever=', 400, /^releasever: expected up to 64 letters.*found: ""$/],
  ['basearch=a%2Fb', 400, /^basearch: .*found: "a\/b"$/],
  [`arch=${'x'.repeat(65)}`, 400, /^arch: expected up to 64 letters/],
]

describe('an injection is refused', () => {
  test('for its query, naming the parameter, and no view is frozen', async (t) => {
    const site = await startSite(t)
    for (const [query, status, detail] of QUERIES) {
      const { problem, ...reply } = await inject(site.url, CONFIG, { query })
      assert.deepEqual([reply.status, problem['status']], [status, status], `${query}: ${reply.text}`)
      assert.equal(reply.headers['content-type'], 'application/problem+json')
      assert.equal(reply.headers['cache-control'], 'no-store')
      assert.match(String(problem['detail']), detail)
      assert.match(String(reply.headers['x-pinyon-reason']), /^[ -~]{5,500}$/)
    }
    assert.equal(await site.app.store.views.count(), 0)
  })

  test('for other methods, with the one that there is', async (t) => {
    const site = await startSite(t)
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
      for (const query of ['', 'view=a', 'colour=red']) {
        const reply = await inject(site.url, '', { method, query })
        assert.deepEqual([reply.status, reply.headers['allow']], [405, 'POST'], method)
        assert.equal(reply.headers['content-type'], 'application/problem+json')
        assert.equal(reply.body.length === 0, method === 'HEAD')
      }
    for (const path of ['inject/x', 'injec', 'injected'])
      assert.equal((await httpGet(`${site.url}/repos/${path}`, { method: 'POST' })).status, 405)
    assert.equal((await httpGet(`${site.url}/repos/inject/x`)).status, 404)
    assert.equal(await site.app.store.views.count(), 0)
  })

  test('for a configuration that cannot be read, with its line, and no view is frozen or renewed', async (t) => {
    const site = await startSite(t)
    const { views } = site.app.store
    const refused = '[m]\nbaseurl=x\nwhat is this\n'
    const { status, problem } = await inject(site.url, refused, { query: 'view=a&ttl=1h' })
    assert.equal(status, 422)
    const { line, expected, found, detail, title } = problem
    assert.deepEqual([title, line, found], ['INJECTION_REFUSED', 3, '"what is this"'])
    assert.match(String(expected), /key=value/)
    assert.match(String(detail), /line 3: expected .*, found "what is this"/)
    assert.equal(await views.count(), 0)
    await inject(site.url, CONFIG, { query: 'view=a&ttl=1h' })
    assert.equal((await inject(site.url, refused, { query: 'view=a&ttl=9h' })).status, 422)
    assert.equal((await inject(site.url, '[x]\n', { query: 'view=a&ttl=9h&strict=1' })).status, 422)
    assert.equal((await views.find('a'))?.ttlMs, 3_600_000)
  })

  test('without telling the log what was in it', async (t) => {
    const site = await startSite(t)
    await inject(site.url, '[m]\nbaseurl=x\npassword hunter2\n')
    const [line] = await site.log.waitFor('request')
    assert.deepEqual([line?.['status'], line?.['code']], [422, 'INJECTION_REFUSED'])
    assert.equal(JSON.stringify(site.log.lines).includes('hunter2'), false)
  })

  test('for a content coding', async (t) => {
    const site = await startSite(t)
    for (const coding of ['gzip', 'br', 'identity, gzip', '']) {
      const reply = await inject(site.url, CONFIG, { headers: { 'Content-Encoding': coding } })
      assert.deepEqual([reply.status, reply.problem['title']], [415, 'CODING_REFUSED'], coding)
      assert.equal(reply.headers['accept-encoding'], 'identity')
    }
    for (const headers of [
      { 'Content-Encoding': 'identity' },
      { 'Content-Type': 'application/x-www-form-urlencoded' },
      { 'Content-Type': 'multipart/form-data; boundary=x' },
    ])
      assert.equal((await inject(site.url, CONFIG, { headers })).status, 200)
  })

  test('when there are as many views as there can be, for none of them', async (t) => {
    const { url } = await startApp(t, { mirrors: { m: 'http://127.0.0.1:1/' }, maxViews: 0 })
    // Nothing is frozen before anything was published.
    assert.equal((await inject(url, CONFIG, { query: 'view=a' })).status, 200)
    const site = await startSite(t)
    const full = await startApp(t, {
      mirrors: { m: site.upstream.url },
      maxViews: 1,
    })
    await full.sync('m')
    assert.equal((await inject(full.url, CONFIG, { query: 'view=a' })).status, 200)
    const reply = await inject(full.url, CONFIG, { query: 'view=b' })
    assert.deepEqual([reply.status, reply.problem['title']], [429, 'VIEWS_FULL'])
    assert.equal((await inject(full.url, CONFIG, { query: 'view=a' })).status, 200)
  })

  test('and what was published between the injection and the view is in the answer', async (t) => {
    const site = await startSite(t)
    const { views } = site.app.store
    const open = views.open.bind(views)
    let next = ''
    t.mock.method(views, 'open', async (...args: Parameters<typeof open>) => {
      next = await publishNext(site)
      return await open(...args)
    })
    const reply = await inject(site.url, CONFIG, { query: 'view=a' })
    assert.deepEqual([reply.counts[0], reply.text.includes(`/m/${next}\n`)], ['2', true])
  })
})

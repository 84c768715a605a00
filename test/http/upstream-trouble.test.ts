import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { gate } from '../support/gate.ts'
import { httpGet, type HttpReply } from '../support/http-get.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import type { Rule } from '../support/upstream-behaviour.ts'
import { SNAPSHOT, startSite, type Site } from './site.ts'

const SMALL = seededBytes('small', 5_000)
const LARGE = seededBytes('large', 300_000)
const PACKAGES = [
  { name: 'small', href: 'Packages/small.rpm', content: SMALL },
  { name: 'large', href: 'Packages/large.rpm', content: LARGE },
]

/** Asks for a package while upstream behaves like this. */
async function ask(site: Site, name: string, ...rules: Omit<Rule, 'match'>[]): Promise<HttpReply> {
  site.upstream.rules = rules.map((rule) => ({ match: '.rpm', ...rule }))
  return await httpGet(`${site.url}${site.base}Packages/${name}.rpm`)
}

function summary({ status, headers }: HttpReply): readonly unknown[] {
  return [status, headers['x-cache'], headers['x-pinyon-snapshot'], headers['cache-control']]
}

describe('what upstream cannot give', () => {
  const answers: readonly (readonly [
    behaviour: Omit<Rule, 'match'>,
    status: number,
    outcome: string,
    reason: RegExp,
  ])[] = [
    [{ status: 404 }, 502, 'lost', /answered: 404/],
    [{ status: 410 }, 502, 'lost', /answered: 410/],
    [{ status: 500 }, 502, 'error_upstream', /answered: 500/],
    [{ status: 503 }, 502, 'error_upstream', /answered: 503/],
    [{ status: 403 }, 502, 'error_upstream', /answered: 403/],
    [{ hangUp: true }, 502, 'error_upstream', /could not be reached/],
    [{ shortenTo: 100 }, 502, 'error_upstream', /ended early/],
    [{ html: true }, 502, 'error_upstream', /is a web page of \d+ bytes/],
    [{ html: true, framing: 'chunked' }, 502, 'error_upstream', /is a web page of unknown length/],
    [{ flipByteAt: 4_999 }, 502, 'error_digest', /expected sha256:[0-9a-f]{64}, found sha256/],
  ]
  test('is a 5xx with its reason, never a 404, and is asked for again next time', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    for (const [behaviour, status, outcome, reason] of answers) {
      const reply = await ask(site, 'small', behaviour)
      assert.deepEqual(summary(reply), [status, outcome, SNAPSHOT, 'no-store'], JSON.stringify(behaviour))
      assert.match(String(reply.headers['x-pinyon-reason']), reason)
      assert.match(reply.body.toString(), reason)
      assert.match(String(reply.headers['content-type']), /^text\/plain/)
    }
    const warnings = site.log.of('request').filter(({ level }) => level === 'warn')
    assert.equal(warnings.length, answers.length)
    for (const { mirror, snapshot, code, reason } of warnings)
      assert.deepEqual([mirror, snapshot, typeof code, typeof reason], ['m', SNAPSHOT, 'string', 'string'])
    assert.deepEqual((await ask(site, 'small')).body, SMALL)
  })

  test('is a 502 when it is a page that does not say how long it is, however large the package', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    for (const framing of ['chunked', 'close'] as const) {
      const reply = await ask(site, 'large', { html: true, framing })
      assert.deepEqual(summary(reply), [502, 'error_upstream', SNAPSHOT, 'no-store'])
      assert.match(String(reply.headers['x-pinyon-reason']), /is a web page of unknown length/)
    }
    const late = await ask(site, 'large', { framing: 'close', cutAt: 0, times: 1 }, { html: true })
    assert.deepEqual(summary(late), [502, 'error_upstream', SNAPSHOT, 'no-store'])
  })

  test('is given out when a script that hands out files calls it a page', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const headers = { 'Content-Type': 'text/html; charset=UTF-8' }
    for (const { name, content } of PACKAGES) {
      const reply = await ask(site, name, { headers, framing: 'chunked' })
      assert.deepEqual([reply.status, reply.body], [200, content])
    }
  })

  test('is a 502 when nobody listens there', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    await site.upstream.stop()
    const reply = await ask(site, 'small')
    assert.deepEqual(summary(reply), [502, 'error_upstream', SNAPSHOT, 'no-store'])
    assert.match(String(reply.headers['x-pinyon-reason']), /could not be reached: ECONNREFUSED/)
    await site.upstream.start()
    assert.equal((await ask(site, 'small')).status, 200)
  })

  test('is a 504 when it does not come in the time that a source is given', async (t) => {
    const site = await startSite(t, { packages: PACKAGES, mirror: { timeoutMs: 500 } })
    const never = gate()
    t.after(() => never.open())
    const silent = await ask(site, 'small', { hold: never })
    assert.deepEqual(summary(silent), [504, 'error_upstream', SNAPSHOT, 'no-store'])
    const stalled = await ask(site, 'small', { stall: { afterBytes: 100, until: never } })
    assert.equal(stalled.status, 504)
  })

  test('is a 503 before dnf would give up, which says when to ask again, while the fill goes on', async (t) => {
    const site = await startSite(t, { packages: PACKAGES, mirror: { timeoutMs: 600_000 } })
    const begin = gate()
    site.upstream.rules = [{ match: '.rpm', hold: begin }]
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const connection = await site.connect()
    connection.ask(`${site.base}Packages/small.rpm`)
    await site.upstream.waitFor('.rpm')
    t.mock.timers.tick(24_999)
    assert.equal(connection.unread, 0)
    t.mock.timers.tick(1)
    const reply = await connection.reply()
    t.mock.timers.reset()
    assert.deepEqual([reply.status, reply.header('retry-after')], [503, '5'])
    assert.equal(
      reply.header('x-pinyon-reason'),
      `nothing of Packages/small.rpm could be sent within 25 s, and it is still being fetched: ${site.upstream.url} has not sent it yet`,
    )
    begin.open()
    await site.filled()
    assert.equal((await connection.get(`${site.base}Packages/small.rpm`)).header('x-cache'), 'hit')
  })

  test('never ends as a complete body', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const wrong: readonly Omit<Rule, 'match'>[] = [
      { flipByteAt: 299_999 },
      { flipByteAt: 0 },
      { shortenTo: 299_999, ranges: 'refused' },
      { cutAt: 200_000, ranges: 'ignored' },
    ]
    for (const behaviour of wrong) {
      const reply = await ask(site, 'large', behaviour)
      if (reply.status === 200)
        assert.deepEqual([reply.complete, reply.body.length < LARGE.length], [false, true])
      else assert.equal(reply.status, 502)
    }
    assert.equal(site.log.of('filled').length, 0)
  })

  test('is none when all bytes are there, however many were announced', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const reply = await ask(site, 'large', { contentLength: 400_000 })
    assert.deepEqual([reply.status, reply.complete, reply.body], [200, true, LARGE])
  })

  test('is made good by a second copy, if that is right', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const small = await ask(site, 'small', { flipByteAt: 10, times: 1 })
    assert.deepEqual([small.status, small.headers['x-cache'], small.body], [200, 'fill', SMALL])
    // What was sent of the first copy was right: the second one continues it.
    const large = await ask(site, 'large', { cutAt: 250_000, times: 1 })
    assert.deepEqual([large.status, large.complete, large.body], [200, true, LARGE])
  })
})

describe('while upstream is down', () => {
  test('what a snapshot has is served without asking it', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    assert.equal((await ask(site, 'small')).status, 200)
    await site.filled()
    await site.upstream.stop()
    const asked = site.upstream.count()
    const files = [
      'repodata/repomd.xml',
      ...site.repository.records.map(({ href }) => href),
      'Packages/small.rpm',
    ]
    for (const file of files) {
      const { status, headers } = await httpGet(`${site.url}${site.base}${file}`, {
        headers: { 'Cache-Control': 'no-cache' },
      })
      assert.deepEqual([status, headers['x-cache']], [200, 'hit'], file)
    }
    for (const path of ['/repos/yum/all_latest.json', '/repos/yum/m/latest.txt', '/readyz', site.base])
      assert.equal((await httpGet(site.url + path)).status, 200)
    assert.equal(site.upstream.count(), asked)
  })
})

describe('the reason', () => {
  test('cannot add headers, nor grow', async (t) => {
    const site = await startSite(t)
    const name = '%C3%A9%F0%9F%98%80'.repeat(300)
    const connection = await site.connect()
    const reply = await connection.get(`${site.base}${name}`)
    const reason = reply.header('x-pinyon-reason') ?? ''
    assert.equal(reply.status, 404)
    assert.match(reason, /^[ -~]{100,500}$/)
    const split = await connection.get(`${site.base}a%0d%0aX-Evil:%20yes`)
    assert.equal(split.status, 400)
    assert.equal(split.header('x-evil'), undefined)
    assert.match(split.header('x-pinyon-reason') ?? '', /refused/)
  })
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { inject, publishNext } from './injecting.ts'
import { SNAPSHOT, startSite } from './site.ts'

/** A section that finds a mirror, one that does not, and one that is switched off. */
const CONFIG = `# kept
[main]
proxy=http://p:3128

[m]
name=The M
mirrorlist=http://upstream/list
baseurl=http://upstream/1
  http://upstream/2

[other]
baseurl=http://other/
[off]
enabled=0
`

function injected(base: string, snapshot = SNAPSHOT): string {
  return CONFIG.replace('mirrorlist=http://upstream/list\n', '').replace(
    'baseurl=http://upstream/1\n  http://upstream/2\n',
    `baseurl=${base}/repos/yum/m/${snapshot}\nproxy=None\n`,
  )
}

describe('POST /repos/inject', () => {
  test('gives the configuration back with the URLs that the index has now', async (t) => {
    const site = await startSite(t)
    const reply = await inject(site.url, CONFIG)
    assert.deepEqual([reply.status, reply.text], [200, injected(site.url)])
    assert.deepEqual(reply.counts, ['1', '1', '1'])
    assert.equal(reply.headers['content-length'], String(reply.body.length))
    const { 'content-type': type, 'cache-control': caching, 'x-cache': outcome } = reply.headers
    assert.deepEqual([type, caching, outcome], ['text/plain; charset=utf-8', 'no-store', 'hit'])
    const next = await publishNext(site)
    assert.equal((await inject(site.url, CONFIG)).text, injected(site.url, next))
    const [line] = await site.log.waitFor('request', 2)
    const { method, target, status, generation, injected: count, unmatched } = line ?? {}
    assert.deepEqual([method, target, status], ['POST', '/repos/inject', 200])
    assert.deepEqual([line?.['outcome'], generation, count, unmatched], ['hit', 1, 1, 1])
  })

  test('gives back what has nothing for it, and nothing, byte for byte', async (t) => {
    const site = await startSite(t)
    const bytes = Buffer.from('\ufeff# \u00e9\r\n[x]\r\nname = \u00e9 \r\n; end')
    assert.deepEqual((await inject(site.url, bytes)).body, bytes)
    assert.equal((await inject(site.url, '')).status, 200)
  })

  test('uses the names that it is asked by, or the one of its configuration', async (t) => {
    const site = await startSite(t)
    for (const host of ['mirrors.example.org', 'h:81', '[::1]:8080'])
      assert.equal((await inject(site.url, CONFIG, { headers: { host } })).text, injected(`http://${host}`))
    const refused = await inject(site.url, CONFIG, { headers: { host: 'a b' } })
    assert.deepEqual([refused.status, refused.problem['title']], [400, 'HOST_REFUSED'])
    const behind = await startSite(t, { publicUrl: "https://m.example.org/it's" })
    assert.equal((await inject(behind.url, CONFIG)).text, injected('https://m.example.org/it%27s'))
  })

  test('view= freezes what the job goes on seeing, for its ttl from each time on', async (t) => {
    const site = await startSite(t)
    assert.equal((await inject(site.url, CONFIG, { query: 'view=job-1&ttl=2h' })).text, injected(site.url))
    await publishNext(site)
    const again = await inject(site.url, CONFIG, { query: 'view=job-1' })
    assert.deepEqual([again.text, again.counts[0]], [injected(site.url), '1'])
    const index = await httpGet(`${site.url}/repos/views/job-1/all_latest.json`)
    assert.match(index.body.toString(), new RegExp(SNAPSHOT))
    const { ttlMs, client } = (await site.app.store.views.find('job-1')) ?? {}
    assert.deepEqual([ttlMs, client], [7_200_000, '127.0.0.1'])
    await inject(site.url, CONFIG, { query: 'view=job-1&ttl=3h' })
    assert.equal((await site.app.store.views.find('job-1'))?.ttlMs, 10_800_000)
  })

  test('generation= takes the index as it was', async (t) => {
    const site = await startSite(t)
    const next = await publishNext(site)
    for (const [generation, snapshot] of [
      ['1', SNAPSHOT],
      ['2', next],
    ] as const) {
      const reply = await inject(site.url, CONFIG, { query: `generation=${generation}` })
      assert.deepEqual([reply.text, reply.counts[0]], [injected(site.url, snapshot), generation])
    }
    // What a job that began before anything was published was told.
    const nothing = await inject(site.url, CONFIG, { query: 'generation=0' })
    assert.deepEqual([nothing.text, nothing.counts], [CONFIG, ['0', '0', '2']])
  })

  test('before anything is published there is nothing to inject', async (t) => {
    const { url } = await startApp(t, { mirrors: { m: 'http://127.0.0.1:1/' } })
    for (const query of ['', 'view=job', 'generation=0']) {
      const reply = await inject(url, CONFIG, { query })
      assert.deepEqual([reply.text, reply.counts], [CONFIG, ['0', '0', '2']])
    }
  })

  test('proxy= says what becomes of that key', async (t) => {
    const site = await startSite(t)
    const proxied = '[m]\nproxy=http://p:3128\nbaseurl=x\n'
    for (const [rule, expected] of [
      ['auto', 'proxy=None\n'],
      ['keep', 'proxy=http://p:3128\n'],
      ['_none_', 'proxy=_none_\n'],
      ['None', 'proxy=None\n'],
    ] as const)
      assert.equal(
        (await inject(site.url, proxied, { query: `proxy=${rule}` })).text,
        `[m]\n${expected}baseurl=${site.url}/repos/yum/m/${SNAPSHOT}\n`,
      )
  })

  test('only_mirrored= switches off what found no mirror, strict= refuses it', async (t) => {
    const site = await startSite(t)
    for (const query of ['only_mirrored=1', 'only_mirrored'])
      assert.match((await inject(site.url, CONFIG, { query })).text, /^\[other\][^[]*^enabled=0$/m)
    for (const query of ['only_mirrored=0', 'strict=0'])
      assert.equal((await inject(site.url, CONFIG, { query })).text, injected(site.url))
    const { status, problem, headers } = await inject(site.url, CONFIG, { query: 'strict=1' })
    const { detail, request_id: id, ...rest } = problem
    assert.equal(id, headers['x-request-id'])
    const unmatched = [{ id: 'other', line: 11 }]
    assert.deepEqual(
      [status, rest],
      [422, { type: 'about:blank', title: 'INJECTION_REFUSED', status: 422, unmatched }],
    )
    assert.equal(detail, 'enabled repositories found no mirror: other')
    assert.equal(headers['x-pinyon-reason'], detail)
    const many = Array.from({ length: 150 }, (_, index) => `[${index}${'x'.repeat(500)}]\n`).join('')
    const long = await inject(site.url, many, { query: 'strict=1' })
    assert.match(String(long.problem['detail']), /: 0x{199}, 1x{199}, .* and 140 more$/)
    assert.equal((long.problem['unmatched'] as unknown[]).length, 100)
    const strict = await inject(site.url, CONFIG.replace('[other]', '[other]\nenabled=0'), {
      query: 'strict',
    })
    assert.equal(strict.status, 200)
  })

  test('pinned=keep leaves what names a dated snapshot already', async (t) => {
    const site = await startSite(t)
    const pinned = '[m]\nbaseurl=http://h/repos/yum/m/2001-01-01-00-00\n'
    assert.equal((await inject(site.url, pinned, { query: 'pinned=keep' })).text, pinned)
    assert.match((await inject(site.url, pinned)).text, new RegExp(SNAPSHOT))
  })

  test('releasever=, basearch= and arch= are put into ids, to find their mirrors', async (t) => {
    const site = await startSite(t)
    const variables = '[${releasever}]\nbaseurl=a\n[$basearch$arch]\nbaseurl=b\n'
    const url = `${site.url}/repos/yum/m/${SNAPSHOT}`
    const first = await inject(site.url, variables, { query: 'releasever=m&proxy=keep' })
    assert.equal(first.text, variables.replace('=a', `=${url}`))
    const second = await inject(site.url, '[$basearch]\nbaseurl=b\n[$arch]\nbaseurl=b\n', {
      query: 'basearch=m&arch=m&proxy=keep',
    })
    assert.equal(second.text, `[$basearch]\nbaseurl=${url}\n[$arch]\nbaseurl=${url}\n`)
  })

  test('output=report tells shell what was done', async (t) => {
    const site = await startSite(t)
    const config = `${CONFIG}[a\tb\u2028c]\nbaseurl=x\n[m]\nskip_if_unavailable=1\n`
    const reply = await inject(site.url, config, { query: 'output=report' })
    const [mirrored, ...others] = reply.text.trimEnd().split('\n')
    assert.equal(mirrored, `mirrored\tm\t${site.url}/repos/yum/m/${SNAPSHOT}\thttp://upstream/1`)
    assert.deepEqual(others.slice(0, 2), ['unmatched\tother', 'unmatched\ta?b?c'])
    assert.ok(others.length > 2)
    for (const line of others.slice(2)) assert.match(line, /^warning\t\d+\t[ -~]+$/)
    const [without] = (await inject(site.url, '[m]\n', { query: 'output=report' })).text.split('\n')
    assert.equal(without, `mirrored\tm\t${site.url}/repos/yum/m/${SNAPSHOT}\t-`)
  })

  test('output=diff is what patch takes, with the name= that it is told', needs('patch'), async (t) => {
    const site = await startSite(t)
    const file = join(tempDir(t), 'x.repo')
    writeFileSync(file, CONFIG)
    const query = `output=diff&name=${encodeURIComponent(file)}`
    const { text, counts } = await inject(site.url, CONFIG, { query })
    assert.deepEqual([text.split('\n').slice(0, 2), counts[1]], [[`--- ${file}`, `+++ ${file}`], '1'])
    const patched = spawnSync('patch', [file], { input: text, encoding: 'utf8' })
    assert.equal(patched.status, 0, patched.stdout)
    assert.equal(readFileSync(file, 'utf8'), injected(site.url))
    assert.equal((await inject(site.url, '[x]\n', { query: 'output=diff' })).text, '')
  })
})

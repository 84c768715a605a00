import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { runCommand } from '../support/run-command.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { needs, SYSTEM_PYTHON } from '../support/tools.ts'
import { SNAPSHOT, startSite, type Site } from './site.ts'

/** Hrefs that HTML, URLs or shells might trip over. */
const HOSTILE_HREFS = [
  'a+b.rpm',
  'a%2Bb.rpm',
  'a#b.rpm',
  'a?b.rpm',
  'a&b.rpm',
  'a&lt;b.rpm',
  'a"b.rpm',
  "a'b.rpm",
]
  .concat(['<script>alert(1)<b>.rpm', 'a b.rpm', 'é.rpm', 'a:b.rpm', '$(x).rpm', 'a~b^c.rpm', 'a;b.rpm'])
  .map((name) => `Packages/${name}`)

/** The targets of a page's links, relative to the page, as a browser reads them. */
async function followLinks(site: Site, page: string): Promise<string[]> {
  const { body } = await httpGet(site.url + page)
  const links = [...body.toString().matchAll(/<a href="([^"]*)">/g)].map(([, href = '']) =>
    href.replaceAll('&#39;', "'").replaceAll('&quot;', '"').replaceAll('&amp;', '&'),
  )
  return links.filter((href) => href !== '../').map((href) => new URL(href, site.url + page).pathname)
}

describe('the index', () => {
  test('lists only what is published, with the Host it was asked by', async (t) => {
    const site = await startSite(t, { others: ['unpublished'] })
    const { status, headers, body } = await httpGet(`${site.url}/repos/yum/all_latest.json`, {
      headers: { Host: 'mirrors.phx.ovirt.org:8080' },
    })
    assert.equal(status, 200)
    assert.equal(
      body.toString(),
      `{ "latest_ci_repos": {\n  "m": "http://mirrors.phx.ovirt.org:8080/repos/yum/m/${SNAPSHOT}"\n} }\n`,
    )
    assert.equal(headers['content-type'], 'application/json')
    assert.equal(headers['cache-control'], 'no-cache')
    assert.equal(headers['x-cache'], 'hit')
    assert.equal(headers['content-length'], String(body.length))
  })

  test('has the public URL in it where one is configured', async (t) => {
    const site = await startSite(t, { publicUrl: 'https://mirrors.example.org/pinyon' })
    const { body } = await httpGet(`${site.url}/repos/yum/all_latest.json`, { headers: { Host: '"' } })
    assert.match(
      body.toString(),
      new RegExp(`"https://mirrors\\.example\\.org/pinyon/repos/yum/m/${SNAPSHOT}"`),
    )
    const redirect = await httpGet(`${site.url}/repos/yum/m`)
    assert.equal(redirect.headers.location, '/pinyon/repos/yum/m/')
    assert.match((await httpGet(site.url)).body.toString(), /href="\/pinyon\/mirrors\/m"/)
  })

  test('is the same as the listed mirrors in every format, and answers 304 and HEAD', async (t) => {
    const site = await startSite(t)
    for (const format of ['json', 'yaml', 'py', 'html']) {
      const url = `${site.url}/repos/yum/all_latest.${format}`
      const { status, headers, body } = await httpGet(url)
      assert.equal(status, 200)
      assert.match(
        body.toString(),
        new RegExp(`http://127\\.0\\.0\\.1:${site.port}/repos/yum/m/${SNAPSHOT}[^/]`),
      )
      const etag = headers.etag ?? ''
      assert.match(etag, /^"[0-9a-f]{32}"$/)
      const head = await httpGet(url, { method: 'HEAD' })
      assert.deepEqual([head.status, head.body.length], [200, 0])
      assert.deepEqual(withoutDate(head.headers), withoutDate(headers))
      const known = await httpGet(url, { headers: { 'If-None-Match': `"other", ${etag}` } })
      assert.deepEqual(
        [known.status, known.headers['x-cache'], known.headers.etag],
        [304, 'not_modified', etag],
      )
      assert.equal((await httpGet(url, { headers: { 'If-Match': '"other"' } })).status, 412)
    }
  })

  test('changes with its ETag when something is published', async (t) => {
    const site = await startSite(t)
    const url = `${site.url}/repos/yum/all_latest.json`
    const before = await httpGet(url)
    writeSyntheticRepository(site.root, { packages: [{ name: 'new' }], revision: 1_600_000_000 })
    await site.app.sync('m')
    const after = await httpGet(url, { headers: { 'If-None-Match': before.headers.etag } })
    assert.equal(after.status, 200)
    const latest = (await httpGet(`${site.url}/repos/yum/m/latest.txt`)).body.toString().trim()
    assert.notEqual(latest, SNAPSHOT)
    assert.match(after.body.toString(), new RegExp(`/repos/yum/m/${latest}"`))
    assert.equal((await httpGet(`${site.url}/repos/yum/m/${SNAPSHOT}/repodata/repomd.xml`)).status, 200)
  })

  test('is whole, and leads to a repository, at every moment of a publication', async (t) => {
    const site = await startSite(t)
    const seen = new Set<string>()
    let publishing = true
    const publishes = (async () => {
      for (let revision = 1_600_000_000; revision < 1_600_000_004; revision++) {
        writeSyntheticRepository(site.root, { packages: [{ name: `p${revision}` }], revision })
        await site.app.sync('m')
      }
      publishing = false
    })()
    while (publishing) {
      const { status, body } = await httpGet(`${site.url}/repos/yum/all_latest.json`)
      const index = JSON.parse(body.toString()) as { latest_ci_repos: { m: string } }
      assert.equal(status, 200)
      seen.add(index.latest_ci_repos.m)
      assert.equal((await httpGet(`${index.latest_ci_repos.m}/repodata/repomd.xml`)).status, 200)
    }
    await publishes
    assert.ok(seen.size > 1)
  })

  test('is refused to a Host that could not stand in a URL', async (t) => {
    const site = await startSite(t)
    const connection = await site.connect()
    for (const host of ['a"b', "a'b", 'a/b', 'a b', 'a<script>', 'a:99999', '[::1', '']) {
      connection.send(`GET /repos/yum/all_latest.json HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      const reply = await connection.reply()
      assert.equal(reply.status, 400, host)
      assert.match(reply.header('x-pinyon-reason') ?? '', /Host header/)
      assert.equal(reply.header('x-cache'), 'bad_request')
      // Nothing else depends on it.
      connection.send(`GET /repos/yum/m/latest.txt HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      assert.equal((await connection.reply()).status, 200)
    }
  })

  test("is what oVirt's client reads", needs('python3-requests'), async (t) => {
    const site = await startSite(t)
    const { code, stdout, stderr } = await runCommand(
      SYSTEM_PYTHON,
      ['-c', OVIRT_CLIENT, `${site.url}/repos/yum/all_latest.json`],
      {
        // The index is never redirected, so a dead proxy does not matter to a client that leaves it out for this host.
        env: { http_proxy: 'http://127.0.0.1:9', no_proxy: '127.0.0.1' },
      },
    )
    assert.equal(code, 0, stderr)
    assert.deepEqual(JSON.parse(stdout), { m: `${site.url}${site.base.slice(0, -1)}` })
  })
})

/** How mirror_client.py loads its map: at most three attempts, bad JSON alone is tried again, redirects count as failure here. */
const OVIRT_CLIENT = `
import json, sys, requests
session = requests.Session()
reply = session.get(sys.argv[1], timeout=30)
assert reply.status_code == 200, reply.status_code
assert not reply.history, 'redirected'
print(json.dumps(reply.json().get('latest_ci_repos', dict())))
`

describe('latest.txt', () => {
  test('is the name of the current snapshot and a newline', async (t) => {
    const site = await startSite(t, { others: ['unpublished'] })
    const { status, headers, body } = await httpGet(`${site.url}/repos/yum/m/latest.txt`)
    assert.deepEqual([status, body.toString()], [200, `${SNAPSHOT}\n`])
    assert.match(headers['content-type'] ?? '', /^text\/plain/)
    assert.deepEqual([headers['cache-control'], headers['x-pinyon-snapshot']], ['no-cache', SNAPSHOT])
    const known = await httpGet(`${site.url}/repos/yum/m/latest.txt`, {
      headers: { 'If-None-Match': headers.etag },
    })
    assert.deepEqual([known.status, known.headers['x-pinyon-snapshot']], [304, SNAPSHOT])
    const missing = await httpGet(`${site.url}/repos/yum/n/latest.txt`)
    assert.deepEqual([missing.status, missing.headers['x-cache']], [404, 'not_found'])
    assert.equal(missing.headers['x-pinyon-reason'], 'no such mirror, there are m, unpublished: n')
    // It will be there: clients that know of 503 ask again.
    const early = await httpGet(`${site.url}/repos/yum/unpublished/latest.txt`)
    assert.deepEqual([early.status, early.headers['x-cache']], [503, 'error_upstream'])
    assert.match(
      String(early.headers['x-pinyon-reason']),
      /^unpublished has no snapshot yet, ask again or see pinyon status: no sync of it has ended$/,
    )
    assert.match(String(early.headers['retry-after']), /^\d+$/)
  })
})

describe('listings', () => {
  test('lead from the top to every file, and escape what is hostile', async (t) => {
    const packages = HOSTILE_HREFS.map((href, index) => ({ name: `p${index}`, href, content: index + 1 }))
    const site = await startSite(t, { packages })
    assert.deepEqual(await followLinks(site, '/repos/'), ['/repos/yum/'])
    assert.deepEqual(await followLinks(site, '/repos/yum/'), [
      '/repos/yum/m/',
      ...['json', 'yaml', 'py', 'html'].map((format) => `/repos/yum/all_latest.${format}`),
    ])
    assert.deepEqual(await followLinks(site, '/repos/yum/m/'), [
      site.base,
      '/repos/yum/m/latest/',
      '/repos/yum/m/latest.txt',
    ])
    for (const top of [site.base, '/repos/yum/m/latest/', '/repos/yum/m/base/'])
      assert.deepEqual(await followLinks(site, top), [`${top}Packages/`, `${top}repodata/`])
    const page = await httpGet(`${site.url}${site.base}Packages/`)
    const tags = page.body.toString().match(/<[^>]*>/g) ?? []
    const known =
      /^<(?:!DOCTYPE html|html lang="en"|meta charset="utf-8"|a href="[^"'<>]*'?[^"'<>]*"|\/?(?:html|head|title|body|h1|pre|a))>$/
    assert.deepEqual(
      tags.filter((tag) => !known.test(tag)),
      [],
    )
    assert.equal(page.headers['x-content-type-options'], 'nosniff')
    const bodies = new Map<string, Buffer>()
    for (const link of await followLinks(site, `${site.base}Packages/`)) {
      const { status, body } = await httpGet(site.url + link)
      assert.equal(status, 200, link)
      bodies.set(link, body)
    }
    const sizes = [...bodies.values()].map(({ length }) => length)
    assert.deepEqual(
      sizes.toSorted((a, b) => a - b),
      packages.map(({ content }) => content),
    )
  })

  test('are found without their slash, and nothing else is', async (t) => {
    const site = await startSite(t, { packages: [{ name: 'a', href: 'Packages/a/b+c/a.rpm' }] })
    const redirects: readonly (readonly [string, string])[] = [
      ['/repos', '/repos/'],
      ['/repos/yum', '/repos/yum/'],
      ['//repos//yum//m', '/repos/yum/m/'],
      ['/repos/yum/m/latest', '/repos/yum/m/latest/'],
      [`${site.base}Packages/a`, `${site.base}Packages/a/`],
      [`${site.base}Packages/a/b%2bc?x`, `${site.base}Packages/a/b%2Bc/`],
    ]
    for (const [path, location] of redirects) {
      const { status, headers } = await httpGet(site.url + path)
      assert.deepEqual(
        [status, headers.location, headers['x-cache'], headers['content-length']],
        [302, location, 'redirect', '0'],
      )
      assert.equal((await httpGet(site.url + location)).status, 200)
    }
    const missing = [
      '/repos/',
      '/repos/yum/',
      '/repos/yum/m/',
      site.base,
      `${site.base}Packages/`,
      '/',
      '/api/',
    ]
    for (const path of missing) {
      const { status, headers } = await httpGet(`${site.url}${path}nothing`)
      assert.equal(status, 404, path)
      assert.match(String(headers['x-pinyon-reason']), /nothing/)
      assert.equal(headers['cache-control'], 'no-store')
    }
    const files = [
      `${site.base}repodata/repomd.xml/`,
      '/repos/yum/m/latest.txt/x',
      '/repos/yum/m/2016-12-13-13-31/',
    ]
    for (const path of [...files, '/repos/yum/m/2016-99-99-99-99/', '/repos/yum/M/latest.txt', '/repos/apt/'])
      assert.equal((await httpGet(site.url + path)).status, 404, path)
  })

  test('do not look at the store again for what is known to be nowhere', async (t) => {
    const site = await startSite(t, { packages: [{ name: 'a' }] })
    const ask = async (path: string) => (await httpGet(`${site.url}${site.base}${path}`)).status
    await ask('warm-up')
    await ask('repodata/warm-up')
    const looked = t.mock.method(site.app.store, 'directory')
    const missing = [
      'media.1/media',
      'repodata/repomd.xml.asc',
      'repodata/repomd.xml.key',
      'a/b/c/d',
      'nothing',
    ]
    for (const path of missing) assert.equal(await ask(path), 404)
    assert.equal(looked.mock.callCount(), 0)
    assert.deepEqual(
      await Promise.all(Array.from({ length: 20 }, () => ask('Packages/a/'))),
      Array(20).fill(200),
    )
    // Once for what Packages holds, once for the listing, however many ask.
    assert.equal(looked.mock.callCount(), 2)
  })
})

describe('the rolling view', () => {
  test('has the current snapshot, and files of earlier ones by name', async (t) => {
    const site = await startSite(t, { packages: [{ name: 'old', version: '1' }] })
    const [old] = site.repository.packages
    const primary = site.repository.records[0]?.href ?? ''
    writeSyntheticRepository(site.root, {
      packages: [{ name: 'new', version: '2' }],
      revision: 1_600_000_000,
    })
    await site.app.sync('m')
    for (const view of ['latest', 'base']) {
      const url = `${site.url}/repos/yum/m/${view}`
      const earlier = await httpGet(`${url}/${old?.href}`)
      assert.deepEqual([earlier.status, earlier.headers['x-pinyon-snapshot']], [200, SNAPSHOT])
      assert.equal(earlier.headers['cache-control'], 'no-cache')
      assert.equal((await httpGet(`${url}/${primary}`)).status, 200)
      const repomd = await httpGet(`${url}/repodata/repomd.xml`)
      assert.match(repomd.body.toString(), /<revision>1600000000</)
      assert.equal((await httpGet(`${url}/Packages/n/new-2-1.noarch.rpm`)).status, 200)
      assert.equal((await httpGet(`${url}/Packages/n/new-3-1.noarch.rpm`)).status, 404)
      assert.equal((await httpGet(`${url}/Packages/n/`)).status, 200)
    }
    // The snapshots themselves do not mix.
    assert.equal((await httpGet(`${site.url}${site.base}Packages/n/new-2-1.noarch.rpm`)).status, 404)
  })
})

function withoutDate(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { ...headers, date: undefined, 'x-request-id': undefined }
}

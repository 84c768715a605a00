import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { DiffView, VersionView } from '../../src/snapshot/diff/diff-document.ts'
import { httpGet } from '../support/http-get.ts'
import { writeSyntheticRepository, type SyntheticPackage } from '../support/synthetic-repository.ts'
import { SNAPSHOT, startSite, type Site } from './site.ts'

const FIRST: readonly SyntheticPackage[] = [
  { name: 'app', version: '1' },
  { name: 'gone' },
  { name: 'lib', content: 10 },
]
const SECOND: readonly SyntheticPackage[] = [
  { name: 'app', version: '2', epoch: 1 },
  { name: 'lib', content: 20 },
  { name: 'new', arch: 'x86_64' },
]

function updateinfo(...ids: readonly string[]): string {
  const updates = ids.map((id) => `<update type="security"><id>${id}</id><severity>Low</severity></update>`)
  return `<updates>${updates.join('')}</updates>`
}

/** Publishes the next generation and syncs it; gives its name. */
async function publish(
  site: Site,
  packages: readonly SyntheticPackage[],
  advisories?: string,
): Promise<string> {
  const records = advisories === undefined ? [] : [{ type: 'updateinfo', content: advisories }]
  writeSyntheticRepository(site.root, { packages, records })
  const result = await site.app.sync('m')
  assert.ok(result.outcome === 'published')
  return result.snapshot.name
}

async function getDiff(site: Site, query = ''): Promise<DiffView> {
  const { status, headers, body } = await httpGet(`${site.url}/api/v1/mirrors/m/diff${query}`)
  assert.deepEqual([status, headers['content-type']], [200, 'application/json'], body.toString())
  return JSON.parse(body.toString()) as DiffView
}

function versionOfApp(evr: string, epoch: string, number: string): VersionView {
  return {
    evr,
    epoch,
    version: number,
    release: '1',
    href: `Packages/a/app-${number}-1.noarch.rpm`,
    source: `app-${number}-1.src.rpm`,
  }
}

describe('a diff', () => {
  test('has what came, went, went up and down, and what was replaced, with all that scripts need', async (t) => {
    const site = await startSite(t, { packages: FIRST })
    const second = await publish(site, SECOND, updateinfo('A-1'))
    const { replaced, upgraded, added, removed, ...rest } = await getDiff(site)
    assert.deepEqual(rest, {
      mirror: 'm',
      from: SNAPSHOT,
      to: second,
      summary: { replaced: 1, downgraded: 0, removed: 1, upgraded: 1, added: 1, advisories: 1 },
      downgraded: [],
      sources: [
        { source: 'gone', change: 'removed', from: '1.0-1', to: null, packages: ['gone.noarch'] },
        { source: 'app', change: 'upgraded', from: '1-1', to: '1:2-1', packages: ['app.noarch'] },
        { source: 'new', change: 'added', from: null, to: '1.0-1', packages: ['new.x86_64'] },
      ],
      advisories: [{ id: 'A-1', type: 'security', severity: 'Low', title: null, issued: null, cves: [] }],
      advisories_error: null,
      metadata: [],
    })
    const [lib] = replaced
    const href = 'Packages/l/lib-1.0-1.noarch.rpm'
    assert.deepEqual(
      [lib?.nevra, lib?.href, lib?.from.size, lib?.to.size],
      ['lib-1.0-1.noarch', href, 10, 20],
    )
    assert.match(`${lib?.from.digest} ${lib?.to.digest}`, /^sha256:\w{64} sha256:\w{64}$/)
    assert.deepEqual(upgraded, [
      {
        name: 'app',
        arch: 'noarch',
        from: versionOfApp('1-1', '0', '1'),
        to: versionOfApp('1:2-1', '1', '2'),
      },
    ])
    assert.deepEqual([added.map(({ nevra }) => nevra), added[0]?.size], [['new-1.0-1.x86_64'], 1_000])
    assert.deepEqual(
      removed.map(({ nevra, name, arch }) => [nevra, name, arch]),
      [['gone-1.0-1.noarch', 'gone', 'noarch']],
    )
    assert.deepEqual(
      site.log.of('sync').map(({ level, replaced: count }) => [level, count]),
      [
        ['info', undefined],
        ['warn', 1],
      ],
    )
    const back = await getDiff(site, `?from=${second}&to=${SNAPSHOT}`)
    assert.deepEqual(
      [back.summary.downgraded, back.added[0]?.nevra, back.advisories],
      [1, 'gone-1.0-1.noarch', []],
      'and backwards',
    )
  })

  test('is between any two: by name, current, newest, or what they are left out for', async (t) => {
    const site = await startSite(t, { packages: FIRST })
    const second = await publish(site, SECOND)
    const third = await publish(site, [])
    await site.app.store.reconcile([{ name: 'm', pin: second }], Date.now())
    const ends = async (query: string) => {
      const { from, to } = await getDiff(site, query)
      return [from, to]
    }
    assert.deepEqual(await ends(''), [SNAPSHOT, second])
    assert.deepEqual(await ends('?from=current&to=newest'), [second, third])
    assert.deepEqual(await ends(`?from=${third}`), [third, second])
    assert.deepEqual(await ends('?to=newest'), [second, third])
    const same = await getDiff(site, '?from=current')
    assert.deepEqual(Object.values(same.summary), [0, 0, 0, 0, 0, 0])
  })

  test('of what is not there is 404 and names what may have been meant', async (t) => {
    const site = await startSite(t, { others: ['none'] })
    const cases = [
      ['m/diff', `m has no snapshot before: ${SNAPSHOT}`],
      ['m/diff?from=2016-12-13-13-00', `m has no snapshot "2016-12-13-13-00": the nearest are ${SNAPSHOT}`],
      ['m/diff?from=%1b[31m', `m has no snapshot "\\u001b[31m": the nearest are ${SNAPSHOT}`],
      ['none/diff', 'no snapshot yet of: none'],
      ['none/diff?to=newest', 'none has no snapshot "newest": it has none'],
      ['m/diff/x', 'there is nothing at: /api/v1/mirrors/m/diff/x'],
    ] as const
    for (const [path, detail] of cases) {
      const { status, body } = await httpGet(`${site.url}/api/v1/mirrors/${path}`)
      assert.deepEqual([status, (JSON.parse(body.toString()) as { detail: string }).detail], [404, detail])
    }
  })

  test('has a validator, and is the same however often it is asked for', async (t) => {
    const site = await startSite(t, { packages: FIRST })
    await publish(site, SECOND)
    const url = `${site.url}/api/v1/mirrors/m/diff`
    const replies = await Promise.all(Array.from({ length: 8 }, () => httpGet(url)))
    const [first] = replies
    assert.equal(new Set(replies.map(({ body }) => body.toString())).size, 1)
    const headers = { 'If-None-Match': String(first?.headers['etag']) }
    assert.equal((await httpGet(url, { headers })).status, 304)
    assert.notEqual((await httpGet(`${url}?from=newest`)).headers['etag'], first?.headers['etag'])
  })

  test('tells of advisories that upstream made unreadable, and of the packages all the same', async (t) => {
    const site = await startSite(t, { packages: FIRST })
    await publish(site, FIRST, '<!DOCTYPE updates [<!ENTITY a "a">]><updates/>')
    const hostile = await getDiff(site)
    assert.deepEqual(hostile.advisories, [])
    assert.match(String(hostile.advisories_error), /^reading updateinfo\.xml: declarations are refused/)
    await publish(site, SECOND, updateinfo('A-1'))
    const after = await getDiff(site)
    assert.match(String(after.advisories_error), /declarations are refused/, 'which are new cannot be told')
    assert.equal(after.summary.upgraded, 1)
    const again = '<update type="bugfix"><id>A-2</id></update></updates>'
    await publish(site, SECOND, updateinfo('A-1', 'A-0', 'A-2').replace('</updates>', again))
    assert.deepEqual(
      (await getDiff(site)).advisories.map(({ id, type }) => `${id} ${type}`),
      ['A-0 security', 'A-2 security'],
      'of two with one id the first stands',
    )
  })

  test('names other metadata that changed', async (t) => {
    const site = await startSite(t, { packages: FIRST })
    const records = [
      { type: 'modules', content: '---\n' },
      { type: 'group', content: '<comps/>' },
    ]
    writeSyntheticRepository(site.root, { packages: FIRST, records })
    await site.app.sync('m')
    assert.deepEqual((await getDiff(site)).metadata, ['group', 'modules'])
  })

  test('that runs when the server stops does not hold it up', async (t) => {
    const site = await startSite(t, { packages: FIRST })
    await publish(site, SECOND)
    const asked = httpGet(`${site.url}/api/v1/mirrors/m/diff`).catch(() => undefined)
    await site.close()
    const reply = await asked
    assert.ok(reply === undefined || [200, 503].includes(reply.status), String(reply?.status))
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { GcReport } from '../../src/snapshot/gc/gc-report.ts'
import { httpGet } from '../support/http-get.ts'
import { CI_TOKEN, startWritableSite, type WritableSite } from './writable-site.ts'

const pathOf = (mirror: string, name = '') => `mirrors/${mirror}/snapshots/${name}`

function auditLines(site: WritableSite): unknown[] {
  return site.log.of('write').map(({ actor, method, path, status }) => [actor, method, path, status])
}

describe('DELETE of a snapshot', () => {
  test('retires it at once, is noted, and leaves to the next collection what only it listed', async (t) => {
    const site = await startWritableSite(t)
    const [first = '', second = ''] = site.names.a
    const repomd = `${site.url}/repos/yum/a/${first}/repodata/repomd.xml`
    assert.equal((await httpGet(repomd)).status, 200)
    const before = await site.generations()
    const reply = await site.write('DELETE', pathOf('a', first), { token: CI_TOKEN })
    assert.deepEqual([reply.status, reply.json], [200, { mirror: 'a', snapshot: first, retired: true }])
    const gone = await httpGet(repomd)
    assert.equal(gone.status, 404)
    assert.match(String(gone.headers['x-pinyon-reason']), /it was retired at 20/)
    assert.equal((await httpGet(`${site.url}/repos/yum/a/${second}/repodata/repomd.xml`)).status, 200)
    assert.deepEqual(await site.generations(), before)
    assert.deepEqual(auditLines(site), [['token ci', 'DELETE', `/api/v1/${pathOf('a', first)}`, 200]])
    const collected = (await site.write('POST', 'gc', { socket: true })).json as unknown as GcReport
    assert.equal(collected.packageRows, 1)
  })

  test('takes from the generations that named it that the farm can go back to them, which a dry run tells as well', async (t) => {
    const site = await startWritableSite(t)
    const [first = ''] = site.names.a
    await site.write('DELETE', pathOf('a', first), { token: CI_TOKEN })
    const before = site.text()
    for (const dryRun of [true, false]) {
      const body = { generation: 2, dry_run: dryRun }
      const { status, json } = await site.write('POST', 'rollback', { socket: true, body })
      const why = `generation 2 cannot come back, of its snapshots are gone: a ${first}`
      assert.deepEqual([status, json['title'], json['detail']], [409, 'PIN_UNKNOWN', why])
    }
    assert.equal(site.text(), before)
  })

  test('is refused for what is in use or not there, with the reasons', async (t) => {
    const site = await startWritableSite(t)
    const [first = '', second = ''] = site.names.a
    const cases = [
      [pathOf('a', second), 409, `the snapshot ${second} of a is not retired, it is current, the newest`],
      [pathOf('a', '1999-01-01-00-00'), 404, 'a has no snapshot: "1999-01-01-00-00"'],
      [pathOf('x', first), 404, `x has no snapshot: "${first}"`],
      [pathOf('a', '%1b'), 400, undefined],
    ] as const
    for (const [path, status, detail] of cases) {
      const reply = await site.write('DELETE', path, { socket: true })
      assert.equal(reply.status, status, path)
      if (detail !== undefined) assert.equal(reply.json['detail'], detail)
    }
    const stranger = await site.write('DELETE', pathOf('a', first))
    assert.equal(stranger.status, 401)
    const other = await site.write('PUT', pathOf('a', first), { socket: true })
    assert.deepEqual([other.status, other.headers['allow']], [405, 'GET, HEAD, DELETE'])
    assert.equal((await httpGet(`${site.url}/api/v1/${pathOf('a', first)}`)).status, 200)
  })
})

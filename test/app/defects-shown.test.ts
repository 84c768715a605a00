import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'
import { LogRecorder } from '../http/log-recorder.ts'

/** The URL of a repository whose repomd.xml lists a file that is not there. */
async function startDefective(t: TestContext): Promise<string> {
  const root = tempDir(t)
  writeSyntheticRepository(root, {
    packages: [{ name: 'a' }],
    records: [{ type: 'group', content: '<comps/>' }],
    simpleNames: true,
  })
  rmSync(join(root, 'repodata', 'group.xml.gz'))
  return (await startUpstream(t, root)).url
}

test('a listed file that upstream does not have is told of by the log, API, pages and attention', async (t) => {
  const log = new LogRecorder()
  const baseurl = await startDefective(t)
  const { url, sync, current } = await startApp(t, { mirrors: { m: baseurl }, log: log.logger })
  await sync('m')
  assert.equal((await httpGet(`${await current('m')}/repodata/group.xml.gz`)).status, 404)
  const message = new RegExp(
    `in 3 tries upstream did not have it right: ${baseurl}repodata/group.xml.gz answered: 404`,
  )

  const [line] = log.of('sync')
  assert.deepEqual([line?.['level'], line?.['defects']], ['warn', 1])
  assert.match(String(line?.['first']), message)

  const get = async (path: string) => (await httpGet(`${url}${path}`)).body.toString()
  const { mirrors } = JSON.parse(await get('/api/v1/mirrors')) as { mirrors: { defects: unknown }[] }
  const one = JSON.parse(await get('/api/v1/mirrors/m')) as { defects: { first: { message: string }[] } }
  const told = one.defects.first[0]?.message ?? ''
  assert.match(told, message)
  const first = [{ path: 'repodata/group.xml.gz', kind: 'missing', message: told }]
  assert.deepEqual(one.defects, { count: 1, missing: 1, first })
  assert.deepEqual(mirrors[0]?.defects, one.defects)

  const { attention } = JSON.parse(await get('/api/v1/attention')) as {
    attention: { code: string; cause: string }[]
  }
  assert.deepEqual(
    attention.map(({ code }) => code),
    ['defective'],
  )
  assert.match(attention[0]?.cause ?? '', /A job that asks for it gets 404\.$/)
  const page = await get('/mirrors/m')
  assert.match(page, /1 defect/)
  assert.match(page, /#defects">Upstream has 1 mistake<\/a>/)
  assert.match(await get('/'), /1 missing/)
})

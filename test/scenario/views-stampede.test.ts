import assert from 'node:assert/strict'
import { test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { startPublishingFarm } from '../support/publishing-farm.ts'

const JOBS = 1_000
const WAVES = 4

interface IndexBody {
  readonly latest_ci_repos: Readonly<Record<string, string>>
}

test('1,000 jobs that start while mirrors are published each get one consistent map, and keep it', async (t) => {
  const names = ['a', 'b', 'c']
  const { url, app, publish } = await startPublishingFarm(t, names)

  const read = async (path: string) => {
    const reply = await httpGet(`${url}/repos/${path}`)
    assert.deepEqual([reply.status, reply.complete], [200, true], reply.body.toString())
    return reply.body.toString()
  }
  let starting = true
  const publishing = (async () => {
    while (starting) await publish()
  })()
  const frozen = new Map<string, string>()
  for (let wave = 0; wave < WAVES; wave += 1) {
    // Twice each: mock reads its configuration more than once.
    const jobs = Array.from({ length: JOBS / WAVES }, (_, index) => `job-${wave}-${index}`)
    const opened = [...jobs, ...jobs].map((job) => read(`views/${job}/all_latest.json`))
    for (const [index, body] of (await Promise.all(opened)).entries()) {
      const job = jobs[index % jobs.length] ?? ''
      assert.equal(frozen.get(job) ?? body, body, `${job} saw two states`)
      frozen.set(job, body)
    }
    await publish()
  }
  starting = false
  await publishing
  await publish()

  const { generation } = await app.store.index()
  const generations = new Set<string>()
  for (let number = 1; number <= generation; number += 1)
    generations.add(await read(`generations/${number}/all_latest.json`))
  assert.equal(frozen.size, JOBS)
  const seen = new Set(frozen.values())
  assert.ok(seen.size >= WAVES, `only ${seen.size} states were seen`)
  for (const body of seen) {
    assert.ok(generations.has(body), `no generation was ever so: ${body}`)
    const maps = (JSON.parse(body) as IndexBody).latest_ci_repos
    assert.deepEqual(Object.keys(maps), names)
    for (const target of Object.values(maps))
      assert.equal((await httpGet(`${target}/repodata/repomd.xml`)).status, 200)
  }
  const again = [...frozen].map(async ([job, body]) =>
    assert.equal(await read(`views/${job}/all_latest.json`), body),
  )
  await Promise.all(again)
  assert.equal(await app.store.views.count(), JOBS)
})

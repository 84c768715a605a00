import assert from 'node:assert/strict'
import { test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

test('two mirrors of a host that allows one transfer are synced and read by many clients, one transfer after the other', async (t) => {
  const root = tempDir(t)
  const packages = Array.from({ length: 6 }, (_, index) => ({
    name: `p${index}`,
    href: `Packages/p${index}.rpm`,
    content: 50_000,
  }))
  writeSyntheticRepository(root, { packages })
  const source = await startUpstream(t, root)
  let [running, most] = [0, 0]
  source.rules = () => ({
    before: async () => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => void setImmediate(resolve))
      running -= 1
    },
  })
  const host = new URL(source.url).host
  const app = await startApp(t, {
    mirrors: { a: source.url, b: source.url },
    settings: { hosts: new Map([[host, { maxParallelDownloads: 1 }]]) },
  })
  await Promise.all([app.sync('a'), app.sync('b')])
  const bases = await Promise.all(['a', 'b'].map((name) => app.current(name)))
  const urls = packages.flatMap(({ href }) => bases.map((base) => `${base}/${href}`))
  for (const { status, body } of await Promise.all(urls.map((url) => httpGet(url))))
    assert.deepEqual([status, body.length], [200, 50_000])
  assert.equal(most, 1)
  assert.equal(source.count(/\.rpm$/), packages.length, 'what both have is fetched once')
})

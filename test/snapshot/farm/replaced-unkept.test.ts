import assert from 'node:assert/strict'
import { test } from 'node:test'

import { findAttention } from '../../../src/proxy/attention.ts'
import { httpGet } from '../../support/http-get.ts'
import { startApp } from '../../support/start-app.ts'
import { writeSyntheticRepository } from '../../support/synthetic-repository.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { startUpstream } from '../../support/upstream.ts'

test('of what was replaced in place it is known how much had never been fetched', async (t) => {
  const root = tempDir(t)
  const publish = (content: number) =>
    writeSyntheticRepository(root, {
      packages: [
        { name: 'asked', content },
        { name: 'left', content },
      ],
    })
  publish(10)
  const upstream = await startUpstream(t, root)
  const { app, sync, current } = await startApp(t, { mirrors: { m: upstream.url } })
  await sync('m')
  const first = await current('m')
  assert.equal((await httpGet(`${first}/Packages/a/asked-1.0-1.noarch.rpm`)).status, 200)
  const read = async () => {
    const [mirror] = await app.store.farm.mirrors(Date.now())
    assert.ok(mirror)
    return mirror
  }
  assert.deepEqual([(await read()).replaced, (await read()).replacedUnkept], [0, 0])
  publish(20)
  await sync('m')
  const replaced = await read()
  assert.deepEqual([replaced.replaced, replaced.replacedUnkept], [2, 1])
  const [attention] = findAttention({
    mirrors: [replaced],
    intervalOf: () => 'off',
    sourcesOf: () => [],
    configuration: { error: undefined },
    cache: { full: false, few_inodes: false, bytes: 0, max_bytes: 1, only_here_bytes: 0 },
    trouble: [],
    nowMs: Date.now(),
  })
  assert.match(attention?.cause ?? '', / 1 package was not: a job whose snapshot lists it gets 502/)
  assert.equal((await httpGet(`${first}/Packages/a/asked-1.0-1.noarch.rpm`)).status, 200)
  assert.equal((await httpGet(`${first}/Packages/l/left-1.0-1.noarch.rpm`)).status, 502)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { createConfig, startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'

test('a mirror counts as missing from when it is taken out of the configuration to when it is put in, whoever asked just before', async (t) => {
  const dataDir = tempDir(t)
  const baseurl = 'http://127.0.0.1:1/'
  const without = createConfig(dataDir, { mirrors: { one: baseurl } })
  const both = createConfig(dataDir, { mirrors: { one: baseurl, two: baseurl } })
  let wanted = without
  const { app, url } = await startApp(t, { mirrors: { one: baseurl }, dataDir, loadConfig: () => wanted })
  const ask = async () => {
    const targets = ['two/latest.txt', 'two/latest/Packages/a.rpm', 'two/2016-12-13-13-30/Packages/a.rpm']
    const replies = targets.map(async (target) => (await httpGet(`${url}/repos/yum/${target}`)).status)
    return await Promise.all(replies)
  }
  const take = async (config: typeof wanted) => {
    wanted = config
    await app.reload()
  }
  for (let round = 0; round < 2; round += 1) {
    assert.deepEqual(await ask(), [404, 404, 404])
    await take(both)
    assert.deepEqual(await ask(), [503, 503, 503])
    await take(without)
  }
})

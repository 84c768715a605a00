import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { Connection } from '../http/connection.ts'
import { httpGet } from '../support/http-get.ts'
import { createConfig, startApp, type StartAppOptions } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

async function startTwo(t: TestContext, settings: StartAppOptions['settings'] = {}) {
  const root = tempDir(t)
  writeSyntheticRepository(root, { packages: [{ name: 'a' }] })
  const { url } = await startUpstream(t, root)
  const dataDir = tempDir(t)
  const options = { mirrors: { one: url, two: url }, settings }
  let wanted = createConfig(dataDir, options)
  const started = await startApp(t, { ...options, dataDir, loadConfig: () => wanted })
  await started.sync('one')
  await started.sync('two')
  const figures = async () => (await httpGet(`${started.url}/metrics`)).body.toString()
  const remove = async () => {
    wanted = createConfig(dataDir, { mirrors: { one: url }, settings })
    await started.app.reload()
  }
  return { ...started, dataDir, figures, remove }
}

test('a mirror that goes out of the configuration takes its series along, and who still asks for it is of none', async (t) => {
  const { figures, remove, current } = await startTwo(t)
  const url = await current('two')
  const before = await figures()
  assert.match(before, /^pinyon_sync_total\{mirror="two",result="new"\} 1$/m)
  assert.match(before, /^pinyon_snapshots\{mirror="two"\} 1$/m)
  await remove()
  assert.equal((await httpGet(`${url}/repodata/repomd.xml`)).status, 200)
  const after = await figures()
  assert.doesNotMatch(after, /mirror="two"/)
  assert.match(after, /^pinyon_mirror_requests_total\{mirror="_none",class="cache"\} 1$/m)
  assert.match(after, /^pinyon_config_reloads_total\{result="accepted"\} 1$/m)
  assert.match(after, /^pinyon_generation_changes_total\{reason="remove"\} 1$/m)
})

test('figures may tell the sums of all mirrors only', async (t) => {
  const { figures } = await startTwo(t, { metrics: { perMirror: false } })
  const text = await figures()
  assert.doesNotMatch(text, /mirror="/)
  assert.match(text, /^pinyon_sync_total\{result="new"\} 2$/m)
  assert.match(text, /^pinyon_snapshots 2$/m)
  assert.match(text, /^pinyon_sync_last_success_timestamp_seconds \d+/m)
})

test('who asks by the admin socket finds every hit counted', async (t) => {
  const { current, dataDir } = await startTwo(t)
  const url = await current('one')
  const admin = await Connection.open(join(dataDir, 'admin.sock'))
  t.after(() => admin.close())
  for (let times = 1; times <= 20; times += 1) {
    await httpGet(`${url}/repodata/repomd.xml`)
    const text = (await admin.get('/metrics')).body.toString()
    assert.match(text, new RegExp(`^pinyon_requests_total\\{kind="repodata",outcome="hit"\\} ${times}$`, 'm'))
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

test('a server does not take the mirrors of another one that lives out of their index', async (t) => {
  const tree = tempDir(t)
  writeSyntheticRepository(tree, { packages: [{ name: 'x' }] })
  const { url } = await startUpstream(t, tree)
  const first = await startApp(t, { mirrors: { a: url, b: url } })
  for (const mirror of ['a', 'b']) await first.sync(mirror)
  const index = () => listed(first.url)
  const { dataDir } = first
  const message =
    /^data_dir: .*: another server runs on it, whose mirrors this configuration has not: b; they would go/
  for (const mirrors of [{ a: url }, { a: url, b: { baseurls: [url], enabled: false } }])
    await assert.rejects(startApp(t, { mirrors, dataDir }), { code: 'CONFIG_INVALID', message })
  assert.deepEqual(await index(), ['a', 'b'])
  // One that has them, and others, may serve them too.
  const second = await startApp(t, { mirrors: { a: url, b: url, c: url }, dataDir })
  assert.deepEqual(await index(), ['a', 'b'])
  await second.close()
  await first.close()
  // Nobody else's any more.
  const alone = await startApp(t, { mirrors: { a: url }, dataDir })
  assert.deepEqual(await listed(alone.url), ['a'])
})

/** The mirrors that a server's index lists. */
async function listed(url: string): Promise<string[]> {
  const index = (await (await fetch(`${url}/repos/yum/all_latest.json`)).json()) as {
    latest_ci_repos: object
  }
  return Object.keys(index.latest_ci_repos)
}

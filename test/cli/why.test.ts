import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { createFarm } from './pinyon.ts'

describe('pinyon why', () => {
  test('explains a path without a server, and exits 3 where there is nothing', async (t) => {
    const farm = createFarm(t, ['m'])
    farm.publish('m', [{ name: 'a', content: 700 }])
    const [name] = await farm.sync()
    const base = `/repos/yum/m/${name}`
    const found = await farm.run('why', `${base}/repodata/repomd.xml`)
    assert.equal(found.code, 0)
    for (const line of [
      /^\S+repomd\.xml 200, a file of repodata$/m,
      /^trusted {3}sha256:[0-9a-f]{64}, as the sync captured it$/m,
      /^signed {4}repomd\.xml is not signed$/m,
      /^bytes {5}stored, \d/m,
      /^source {4}no server runs that would ask one$/m,
      /^asked {5}for anything of the snapshot: nobody$/m,
    ])
      assert.match(found.stdout, line)
    const missing = await farm.run('why', `http://mirrors.example.org${base}/a.rpm`)
    assert.equal(missing.code, 3)
    assert.match(
      missing.stdout,
      /^\S+a\.rpm 404 NOT_FOUND\nwhy {7}snapshot \S+ of m does not list: a\.rpm\n$/,
    )
    const json = await farm.run('why', '/repos/yum/all_latest.json', '--json')
    assert.equal((JSON.parse(json.stdout) as { kind: string }).kind, 'text')
  })
})

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { MirrorLists } from '../../src/app/mirror-lists.ts'
import { createUpstreams } from '../../src/app/mirrors.ts'
import { SqliteSnapshotStore } from '../../src/snapshot/sqlite-snapshot-store.ts'
import { Network } from '../../src/upstream/network.ts'
import { createConfig } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

test('what one process has learnt of a list, another of the same directory takes up without asking for it', async (t) => {
  const [dir, root] = [tempDir(t), tempDir(t)]
  const source = await startUpstream(t, root)
  let nowMs = Date.UTC(2026, 0, 1)
  const now = () => nowMs
  const write = (...urls: string[]) => writeFileSync(join(root, 'list'), `${urls.join('\n')}\n`)
  const open = () => {
    const list = { kind: 'mirrorlist', url: `${source.url}list`, expireMs: 1 } as const
    const config = createConfig(dir, { mirrors: { m: { baseurls: [], list } } })
    const store = new SqliteSnapshotStore(join(dir, 'pinyon.db'))
    t.after(() => store.close())
    const upstream = { network: new Network() }
    const lists = new MirrorLists({ store: store.listings, upstream, now })
    const upstreams = createUpstreams(config, { ...upstream, prepare: (mirror) => lists.ensure(mirror) })
    lists.configure(config, upstreams)
    t.after(async () => {
      await lists.close()
      await upstreams.get('m')?.close()
    })
    const refresh = async () => await lists.ofSync('m').refreshList?.(new AbortController().signal)
    return { lists, refresh, baseurls: () => upstreams.get('m')?.baseurls }
  }
  const [one, other] = [open(), open()]
  write('http://a.example.org/x/')
  await one.refresh()
  assert.deepEqual([one.baseurls(), other.baseurls()], [['http://a.example.org/x/'], []])
  await other.lists.look()
  assert.deepEqual(other.baseurls(), one.baseurls())
  nowMs += 60_000
  write('http://b.example.org/x/', 'http://a.example.org/x/')
  await one.refresh()
  await other.lists.look()
  assert.deepEqual(other.baseurls()?.toSorted(), ['http://a.example.org/x/', 'http://b.example.org/x/'])
  const asked = source.count()
  await other.lists.look()
  assert.equal(source.count(), asked)
})

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

test('lists that differ in a secret alone are kept apart, and nothing of it is kept', async (t) => {
  const [dir, root] = [tempDir(t), tempDir(t)]
  const source = await startUpstream(t, root)
  writeFileSync(join(root, 'list'), 'http://a.example.org/x/\n')
  const list = (secret: string) =>
    ({ kind: 'mirrorlist', url: `${source.url}list?k=${secret}`, expireMs: 60_000 }) as const
  const mirrors = { m: { baseurls: [], list: list('s3cret1') }, n: { baseurls: [], list: list('s3cret2') } }
  const config = createConfig(dir, { mirrors })
  const store = new SqliteSnapshotStore(join(dir, 'pinyon.db'))
  const network = new Network()
  const lists = new MirrorLists({ store: store.listings, upstream: { network }, now: Date.now })
  const upstreams = createUpstreams(config, { network, prepare: (mirror) => lists.ensure(mirror) })
  lists.configure(config, upstreams)
  t.after(async () => {
    await lists.close()
    for (const upstream of upstreams.values()) await upstream.close()
    await store.close()
  })
  for (const mirror of ['m', 'n']) await lists.ofSync(mirror).refreshList?.(new AbortController().signal)
  assert.equal(source.count(), 2)
  const kept = await store.listings.checkedAfter(0)
  assert.equal(kept.length, 2)
  for (const { url } of kept) assert.match(url, /list\?k=\*\*\*#[\w-]{22}$/)
  assert.equal(lists.stateOf('m')?.url, `${source.url}list?k=***`)
})

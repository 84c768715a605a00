/**
 * Adopts the mirror `m` of a tree and kills itself at its n-th step, if it has as many: `node adopt-child.ts DATA_DIR TREE N`. Steps are
 * before and after each blob's publication, before and after the commit, and all that is told of its progress.
 */
import { mkdirSync } from 'node:fs'

import type { BlobStore } from '../../../src/cache/blob-store.ts'
import { DiskBlobStore } from '../../../src/cache/disk-blob-store.ts'
import { createLayout, temporaryPath } from '../../../src/cache/layout.ts'
import { adoptMirror } from '../../../src/snapshot/adopt/adopt.ts'
import { Tree } from '../../../src/snapshot/adopt/adopt-tree.ts'
import { SqliteSnapshotStore } from '../../../src/snapshot/sqlite-snapshot-store.ts'
import { Claims } from '../../../src/system/claims.ts'

const [dataDir = '', root = '', killAt = ''] = process.argv.slice(2)
let steps = 0
const step = () => {
  steps += 1
  if (steps === Number(killAt)) process.kill(process.pid, 'SIGKILL')
}
const layout = createLayout(dataDir)
mkdirSync(dataDir, { recursive: true })
const claims = new Claims(layout.claims)
const disk = await DiskBlobStore.open(layout, claims)
const blobs: BlobStore = {
  open: (digest) => disk.open(digest),
  openPartial: (location) => disk.openPartial(location),
  remove: (digest) => disk.remove(digest),
  keep: (digest) => disk.keep(digest),
  create: async (expected) => {
    const writer = await disk.create(expected)
    const publish = writer.publish.bind(writer)
    writer.publish = async () => {
      step()
      await publish()
      step()
    }
    return writer
  },
}
let serial = 0
const store = new SqliteSnapshotStore(layout.database, () =>
  temporaryPath(layout, claims.processId, 'adopt', (serial += 1)),
)
const adopt = store.adopt.bind(store)
store.adopt = (mirror) => {
  const adoption = adopt(mirror)
  const commit = adoption.commit.bind(adoption)
  adoption.commit = async (options) => {
    step()
    const done = await commit(options)
    step()
    return done
  }
  return adoption
}
const tree = await Tree.open(root)
const mirror = (await tree.mirrors()).find(({ name }) => name === 'm')
if (mirror === undefined) throw new Error(`no mirror m in ${root}`)
const { error } = await adoptMirror({
  tree,
  mirror,
  configured: true,
  packages: true,
  actor: 'me',
  room: async () => ({ freeBytes: Infinity, totalBytes: Infinity }),
  store,
  blobs,
  claims,
  now: Date.now,
  signal: new AbortController().signal,
  onProgress: step,
})
if (error !== undefined) throw error
await store.close()
claims.close()
process.stdout.write(`${steps}\n`)

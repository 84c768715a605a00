import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { createLayout } from '../../src/cache/layout.ts'
import { DiskBlobStore } from '../../src/cache/disk-blob-store.ts'
import { SqliteSnapshotStore } from '../../src/snapshot/sqlite-snapshot-store.ts'
import { Claims } from '../../src/system/claims.ts'
import { OldMirrorTree } from '../support/old-tree.ts'
import { runCommand } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { publishSimply } from './publish-simply.ts'

const CHILD = join(import.meta.dirname, 'adopt-child.ts')
const DAYS = ['2018-11-01-00-00', '2018-11-02-00-00', '2018-11-03-00-00']
const OWN = '2026-01-01-00-00'

test('killed at each of its steps, it shows nothing or all, and the next run does only what is left', async (t) => {
  const [dataDir, root] = [join(tempDir(t), 'data'), tempDir(t)]
  const layout = createLayout(dataDir)
  const tree = new OldMirrorTree(root, 'm')
  for (const [day, name] of DAYS.entries())
    tree.publishSynthetic(name, {
      packages: Array.from({ length: day + 2 }, (_, index) => ({ name: `p${index}` })),
    })
  // One that runs to its end in a directory of its own: it does not count its steps wrongly.
  const whole = await runCommand(process.execPath, [CHILD, tempDir(t), root, '0'])
  assert.equal(whole.code, 0, whole.stderr)
  const wholeSteps = Number(whole.stdout)

  await withStore(dataDir, async (store) => {
    await publishSimply(store, { nowMs: Date.UTC(2026, 0, 1) })
  })
  let blobs = new Map<string, string>()
  let kills = 0
  let wasVisible = false
  for (let killAt = 1; ; killAt += 1) {
    const { code, stderr, stdout } = await runCommand(process.execPath, [CHILD, dataDir, root, `${killAt}`])
    const names = await withStore(dataDir, async (store) =>
      (await store.snapshots('m')).map(({ name }) => name).toReversed(),
    )
    const visible = names.length > 1
    assert.deepEqual(names, visible ? [...DAYS, OWN] : [OWN], `after step ${killAt}`)
    assert.ok(visible || !wasVisible)
    wasVisible = visible
    // What was stored is not stored again.
    const now = readBlobs(layout.blobs)
    for (const [path, identity] of blobs) assert.equal(now.get(path), identity, path)
    blobs = now
    if (code === 0) {
      assert.ok(Number(stdout) < wholeSteps, 'blobs that were there cost no steps')
      break
    }
    assert.deepEqual([code, stderr], [-1, ''])
    kills += 1
  }
  assert.ok(wasVisible)
  assert.ok(kills > 10, `killed only ${kills} times`)
  // Whoever comes next sweeps what the dead left.
  const claims = new Claims(layout.claims)
  await DiskBlobStore.open(layout, claims)
  claims.close()
  assert.deepEqual(readdirSync(layout.temporary), [])
  assert.equal(blobs.size, 3 * 4 + 4)
})

async function withStore<T>(dataDir: string, use: (store: SqliteSnapshotStore) => Promise<T>): Promise<T> {
  const layout = createLayout(dataDir)
  const claims = new Claims(layout.claims)
  const store = new SqliteSnapshotStore(layout.database, () => join(dataDir, 'scratch'))
  try {
    return await use(store)
  } finally {
    await store.close()
    claims.close()
  }
}

/** Each blob's inode and time, by path. */
function readBlobs(directory: string): Map<string, string> {
  const blobs = new Map<string, string>()
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const facts = statSync(join(directory, name))
    if (facts.isFile() && !name.startsWith('temporary/')) blobs.set(name, `${facts.ino} ${facts.mtimeMs}`)
  }
  return blobs
}

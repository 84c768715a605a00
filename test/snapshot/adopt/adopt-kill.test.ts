import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { createLayout } from '../../../src/cache/layout.ts'
import { SqliteSnapshotStore } from '../../../src/snapshot/sqlite-snapshot-store.ts'
import { OldMirrorTree } from '../../support/old-tree.ts'
import { runCommand } from '../../support/run-command.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { publishSimply } from '../publish-simply.ts'

const CHILD = join(import.meta.dirname, 'adopt-child.ts')
const DAYS = ['2018-11-01-00-00', '2018-11-02-00-00', '2018-11-03-00-00']
const OWN = '2026-01-01-00-00'

test('killed at its steps, it shows nothing or all, and the next run does only what is left', async (t) => {
  const root = tempDir(t)
  const tree = new OldMirrorTree(root, 'm')
  for (const [day, name] of DAYS.entries())
    tree.publishSynthetic(name, {
      packages: Array.from({ length: day + 2 }, (_, index) => ({ name: `p${index}` })),
    })
  const run = async (dataDir: string, killAt: number) =>
    await runCommand(process.execPath, [CHILD, dataDir, root, `${killAt}`])
  const whole = await run(tempDir(t), 0)
  assert.equal(whole.code, 0, whole.stderr)
  const steps = Number(whole.stdout)
  assert.ok(steps > 30, `only ${steps} steps`)
  let shown = 0
  // One in eight of those that are alike, and each of those about the commit: at the end, and its last look at four packages after it.
  const chosen = Array.from({ length: steps }, (_, index) => index + 1)
  for (const killAt of chosen.filter((at) => at % 8 === 1 || at > steps - 8)) {
    const dataDir = tempDir(t)
    const { blobs: blobsDir, temporary } = createLayout(dataDir)
    await withStore(dataDir, (store) => publishSimply(store, { nowMs: Date.UTC(2026, 0, 1) }))
    assert.deepEqual([(await run(dataDir, killAt)).code, killAt], [-1, killAt])
    const names = await readNames(dataDir)
    if (names.length > 1) shown += 1
    assert.deepEqual(names, names.length > 1 ? [...DAYS, OWN] : [OWN], `after step ${killAt}`)
    const before = readBlobs(blobsDir)

    const again = await run(dataDir, 0)
    assert.equal(again.code, 0, again.stderr)
    assert.deepEqual(await readNames(dataDir), [...DAYS, OWN])
    const after = readBlobs(blobsDir)
    assert.equal(after.size, 3 * 4 + 4)
    for (const [path, identity] of before) assert.equal(after.get(path), identity, `stored again: ${path}`)
    assert.deepEqual(readdirSync(temporary), [], 'what the dead one left is swept')
  }
  assert.equal(shown, 1 + 4, 'only a kill after the commit finds it done')
})

async function readNames(dataDir: string): Promise<string[]> {
  return await withStore(dataDir, async (store) =>
    (await store.snapshots('m')).map(({ name }) => name).toReversed(),
  )
}

async function withStore<T>(dataDir: string, use: (store: SqliteSnapshotStore) => Promise<T>): Promise<T> {
  const layout = createLayout(dataDir)
  const store = new SqliteSnapshotStore(layout.database, () => join(dataDir, 'scratch'))
  try {
    return await use(store)
  } finally {
    await store.close()
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

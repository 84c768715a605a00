import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { Storage } from '../../src/app/storage.ts'
import { loadConfig } from '../../src/config/load.ts'
import { digestOf } from '../../src/model/digest.ts'
import { createSilentLogger } from '../../src/system/logger.ts'
import { mountSmallDisk } from '../cache/small-disk.ts'

test('on a disk that is the limit, what is being written is counted as set aside, and not as taken once more', async (t) => {
  const disk = mountSmallDisk(t)
  if (disk === undefined) return t.skip('no disk can be mounted')
  const file = join(disk, 'pinyon.yaml')
  writeFileSync(file, 'data_dir: ./data\nmirrors: {}\n')
  const config = loadConfig(file, {})
  const storage = await Storage.open({
    config: () => config,
    log: createSilentLogger(),
    now: Date.now,
    clock: undefined,
    maxViews: undefined,
    onRetired: () => undefined,
    onReport: () => undefined,
  })
  t.after(() => storage.close())
  const bytes = Buffer.alloc(1_000_000)
  const before = storage.room()
  const writer = await storage.blobs.create({ digest: digestOf(bytes), size: bytes.length })
  await writer.write(bytes)
  const meanwhile = storage.room()
  assert.equal(meanwhile.used, before.used + bytes.length)
  // The database grows by a page or two.
  assert.ok(before.max - meanwhile.max < 200_000, `${before.max} became ${meanwhile.max}`)
  await writer.publish()
  await writer.close()
  const after = storage.room()
  assert.equal(after.used, before.used + bytes.length)
  assert.ok(before.max - after.max < 200_000, `${before.max} became ${after.max}`)
})

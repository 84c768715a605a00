import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { openDatabase } from '../../src/snapshot/database.ts'
import { startWritableSite } from '../http/writable-site.ts'

test('a collection that is asked for finds blobs that nothing was entered of, as after an older version', async (t) => {
  const site = await startWritableSite(t)
  const database = openDatabase(join(site.dataDir, 'pinyon.db'))
  const { count } = database.prepare('SELECT count FROM blob_total').get() as { count: number }
  assert.ok(count > 0)
  database.prepare('DELETE FROM blob').run()
  database.close()
  const { json } = await site.write('POST', 'gc', { socket: true })
  const { total, unlisted } = json['blobs'] as Record<string, { count: number }>
  assert.deepEqual([total?.count, unlisted?.count], [count, 0])
})

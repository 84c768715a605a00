/**
 * A process that opens views, as fast as it can: `node open-views.ts DATABASE COUNT`. Prints the generation of each, `[name, generation]`,
 * as JSON, and fails when an opening does not repeat the one before.
 */
import assert from 'node:assert/strict'

import { SqliteSnapshotStore } from '../../../src/snapshot/sqlite-snapshot-store.ts'

const [file = '', count = ''] = process.argv.slice(2)
const store = new SqliteSnapshotStore(file)
const names = Array.from({ length: Number(count) }, (_, index) => `job-${index}`)
const opened: [string, number][] = []
for (let at = 0; at < names.length; at += 20) {
  const some = names.slice(at, at + 20)
  const open = () => Promise.all(some.map((name) => store.views.open(name, { client: 'a process' })))
  const generations = await open()
  assert.deepEqual(await open(), generations)
  for (const [index, name] of some.entries()) opened.push([name, generations[index] ?? 0])
}
await store.close()
process.stdout.write(JSON.stringify(opened))

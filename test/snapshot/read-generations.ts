/**
 * A process that reads: `node read-generations.ts DATABASE GENERATION` looks at the index until it is that generation's, and fails
 * when what it sees is not one. Prints how many generations it saw.
 */
import { SqliteSnapshotStore } from '../../src/snapshot/sqlite-snapshot-store.ts'
import { checkWholeGeneration } from './publish-simply.ts'

const [file = '', last = ''] = process.argv.slice(2)
const store = new SqliteSnapshotStore(file)
const seen = new Set<number>()
process.stdout.write('reading\n')
while (!seen.has(Number(last))) seen.add(await checkWholeGeneration(store))
await store.close()
process.stdout.write(`${seen.size}\n`)

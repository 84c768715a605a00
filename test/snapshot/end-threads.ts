// Starts threads that load the library of databases, and ends them, or the process, at that moment. See worker-thread.test.ts.
import { once } from 'node:events'
import { isMainThread, parentPort } from 'node:worker_threads'

import { endWorker, loadDatabaseLibrary, startWorker, threadData } from '../../src/snapshot/worker-thread.ts'

const THREADS = 60
/** What they say when they begin, and when they have done. */
const [BEGINS, DONE] = [1, 2]

if (isMainThread) await main(process.argv[2] ?? '', Number(process.argv[3] ?? 0))
else {
  const said = threadData() as Int32Array
  Atomics.store(said, 0, BEGINS)
  loadDatabaseLibrary()
  Atomics.store(said, 0, DONE)
  parentPort?.on('message', () => undefined)
}

async function main(what: string, first: number): Promise<void> {
  let loading = 0
  for (let at = first; at < THREADS; at += 1) {
    const said = new Int32Array(new SharedArrayBuffer(4))
    const url = new URL(import.meta.url)
    const worker = startWorker({ url, workerData: said, maxHeapMb: 64, maxYoungGenerationMb: 4 })
    await once(worker, 'online')
    while (Atomics.load(said, 0) < BEGINS);
    // Somewhere in what it does then, another place each time.
    for (let spin = 0; spin < at * 2_000 && Atomics.load(said, 0) < DONE; spin += 1);
    if (what === 'exit') process.exit(7)
    if (Atomics.load(said, 0) < DONE) loading += 1
    await endWorker(worker)
  }
  process.stdout.write(`${THREADS} ended, ${loading} while they loaded\n`)
}

import { setTimeout as sleep } from 'node:timers/promises'
import { Worker, workerData as dataOfThisThread } from 'node:worker_threads'

import Database from 'better-sqlite3'

// A thread that is ended while the database's library is registered with it takes the whole process with it (`FATAL ERROR: Error::New`, SIGABRT):
// node-addon-api can make no error where no JavaScript may run any more. So whoever ends one waits for that moment to pass, and a thread that is
// to end does not begin.

/** What a thread says of the library, in the one place that it shares with who started it. */
const NOT_LOADED = 0
const LOADING = 1
const LOADED = 2
const ENDING = 3

/** Between two looks whether it is loaded, which takes a millisecond or two. */
const LOOK_MS = 1
/** A process that ends waits no longer than this for a thread. */
const LONGEST_LOAD_MS = 5_000

/** A thread to start. */
export interface WorkerStart {
  /** The module it runs. */
  readonly url: URL
  readonly workerData: unknown
  readonly maxHeapMb: number
  readonly maxYoungGenerationMb: number
}

interface ThreadData {
  readonly given: unknown
  readonly library: Int32Array
}

/** Of the threads that run. */
const libraries = new Map<Worker, Int32Array>()
let isWatched = false

/** Starts a thread: until it is run, whoever does so sees to its `error` and its end, which is by {@link endWorker}. */
export function startWorker({ url, workerData, maxHeapMb, maxYoungGenerationMb }: WorkerStart): Worker {
  const library = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const data: ThreadData = { given: workerData, library }
  const worker = new Worker(url, {
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMb, maxYoungGenerationSizeMb: maxYoungGenerationMb },
  })
  libraries.set(worker, library)
  worker.once('exit', () => libraries.delete(worker))
  if (!isWatched) process.on('exit', waitForLibraries)
  isWatched = true
  return worker
}

/** Ends a thread of {@link startWorker}, wherever it is; resolves when it has ended. */
export async function endWorker(worker: Worker): Promise<void> {
  const library = libraries.get(worker)
  while (library !== undefined && libraries.has(worker) && !mayEnd(library)) await sleep(LOOK_MS)
  await worker.terminate()
}

/** What a thread was started with. */
export function threadData(): unknown {
  return (dataOfThisThread as ThreadData).given
}

/** To be called by a thread before it opens a database; does not return where the thread is being ended. */
export function loadDatabaseLibrary(): void {
  const { library } = dataOfThisThread as ThreadData
  if (Atomics.compareExchange(library, 0, NOT_LOADED, LOADING) !== NOT_LOADED) process.exit()
  new Database(':memory:').close()
  Atomics.store(library, 0, LOADED)
  Atomics.notify(library, 0)
}

/** Whether a thread is not loading the library; nor will it from now on. */
function mayEnd(library: Int32Array): boolean {
  return Atomics.compareExchange(library, 0, NOT_LOADED, ENDING) !== LOADING
}

/** What ends a process ends its threads. */
function waitForLibraries(): void {
  for (const library of libraries.values())
    if (!mayEnd(library)) Atomics.wait(library, 0, LOADING, LONGEST_LOAD_MS)
}

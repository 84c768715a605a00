import { PinyonError, toPinyonError } from '../../src/model/errors.ts'
import type { IngestRunner, ThreadRunner, ThreadRunnerOptions } from '../../src/snapshot/ingest-runner.ts'
import { runIngest, type ThreadJob } from '../../src/snapshot/run-ingest.ts'
import type { PublishedSnapshot } from '../../src/snapshot/store.ts'

/**
 * Gives what ingests in this thread, for one server, all that a thread does for a job that it has from the beginning: starting one takes
 * most of the processor time of a small sync. It holds up whatever else the process does, and does not end before it has published.
 */
export function ingestHere(): (options: ThreadRunnerOptions) => ThreadRunner {
  let ingests = 0
  return ({ dataDir, processId, inTurn = (work) => work() }) => {
    const place = { dataDir, processId }
    const run: IngestRunner<ThreadJob> = (job, { signal, onPackages }) => {
      // Threads are given copies, too.
      const next = <T>() => Promise.resolve(structuredClone(job) as T)
      return inTurn(async () => {
        signal.throwIfAborted()
        ingests += 1
        return await asFromThread(runIngest({ place, id: ingests, next, onPackages }))
      })
    }
    return Object.assign(run, { prepare: () => {}, readAhead: () => undefined, release: () => {} })
  }
}

/** What came of an ingest, without anything that would not come through to another thread. */
async function asFromThread(ingest: Promise<PublishedSnapshot>): Promise<PublishedSnapshot> {
  try {
    return structuredClone(await ingest)
  } catch (error) {
    const { code, message, facts } = toPinyonError(error)
    throw new PinyonError(code, message, facts)
  }
}

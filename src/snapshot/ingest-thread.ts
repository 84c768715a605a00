import { on } from 'node:events'
import { parentPort, threadId } from 'node:worker_threads'

import { toPinyonError } from '../model/errors.ts'
import { giveWay } from '../system/give-way.ts'
import type { ThreadPlace } from './ingest-runner.ts'
import { runIngest } from './run-ingest.ts'
import type { PublishedSnapshot } from './store.ts'
import type { WorkerMessage } from './worker-job.ts'
import { loadDatabaseLibrary } from './worker-thread.ts'

// A thread that reads one primary and commits one snapshot, so that neither holds up a request. See ingest-runner.ts.

const post = (message: WorkerMessage<PublishedSnapshot, number>) => parentPort?.postMessage(message)

giveWay()
loadDatabaseLibrary()
// It may have been started before it is known where it will work, and while the files of its job are fetched.
const told = parentPort === null ? undefined : on(parentPort, 'message')
try {
  const place = await next<ThreadPlace>()
  const onPackages = (packages: number) => post({ progress: packages })
  post({ result: await runIngest({ place, id: threadId, next, onPackages }) })
} catch (error) {
  const { code, message, facts } = toPinyonError(error)
  post({ failure: { code, message, facts: JSON.parse(JSON.stringify(facts)) as Record<string, unknown> } })
} finally {
  // While it listens it does not end.
  await told?.return?.()
}

/** The next thing that it is told. */
async function next<T>(): Promise<T> {
  if (told === undefined) throw new Error('this is no thread')
  const { value } = (await told.next()) as { value: [T] }
  return value[0]
}

import { parentPort } from 'node:worker_threads'

import type { BlobStore } from '../../cache/blob-store.ts'
import { createLayout } from '../../cache/layout.ts'
import { digestOf, type Digest } from '../../model/digest.ts'
import { toPinyonError } from '../../model/errors.ts'
import { excerptOf, toDiffView } from './diff-document.ts'
import { loadDatabaseLibrary, threadData } from '../worker-thread.ts'
import type { DiffMessage, DiffRequest } from './diff-runner.ts'
import { diffSnapshots } from './snapshot-diff.ts'
import { SqliteDiffStore } from './sqlite-diff-store.ts'

// A thread that compares two snapshots and writes the answer, so that neither holds up a request. See diff-runner.ts.

const { dataDir, ...pair } = threadData() as DiffRequest
const layout = createLayout(dataDir)
const post = (message: DiffMessage, transfer: ArrayBuffer[] = []) =>
  parentPort?.postMessage(message, transfer)

/** Only advisories are read. Of no process, since it makes no files, and nobody's temporary ones. */
async function openBlobs(): Promise<Pick<BlobStore, 'open'>> {
  const { DiskBlobStore } = await import('../../cache/disk-blob-store.ts')
  return new DiskBlobStore(layout, { processId: '', isAlive: () => true })
}

loadDatabaseLibrary()
try {
  const store = new SqliteDiffStore(layout.database)
  try {
    const blobs = { open: async (wanted: Digest) => await (await openBlobs()).open(wanted) }
    const diff = await diffSnapshots({ store, blobs }, pair)
    const view = toDiffView(diff)
    const body = new TextEncoder().encode(`${JSON.stringify(view)}\n`)
    post({ body, digest: digestOf(body), excerpt: excerptOf(view) }, [body.buffer])
  } finally {
    store.close()
  }
} catch (error) {
  const { code, message } = toPinyonError(error)
  post({ failure: { code, message } })
}

import { parentPort, workerData } from 'node:worker_threads'

import { DiskBlobStore } from '../../cache/disk-blob-store.ts'
import { createLayout } from '../../cache/layout.ts'
import { digestOf } from '../../model/digest.ts'
import { toPinyonError } from '../../model/errors.ts'
import { excerptOf, toDiffView } from './diff-document.ts'
import type { DiffMessage, DiffRequest } from './diff-runner.ts'
import { diffSnapshots } from './snapshot-diff.ts'
import { SqliteSnapshotStore } from '../sqlite-snapshot-store.ts'

// A thread that compares two snapshots and writes the answer, so that neither holds up a request. See diff-runner.ts.

const { dataDir, ...pair } = workerData as DiffRequest
const layout = createLayout(dataDir)
const post = (message: DiffMessage, transfer: ArrayBuffer[] = []) =>
  parentPort?.postMessage(message, transfer)

try {
  const store = new SqliteSnapshotStore(layout.database)
  try {
    // It only reads: of no process, and nobody's temporary files.
    const blobs = new DiskBlobStore(layout, { processId: '', isAlive: () => true })
    const diff = await diffSnapshots({ store, blobs }, pair)
    const view = toDiffView(diff)
    const body = new TextEncoder().encode(`${JSON.stringify(view)}\n`)
    post({ body, digest: digestOf(body), excerpt: excerptOf(view) }, [body.buffer])
  } finally {
    await store.close()
  }
} catch (error) {
  const { code, message } = toPinyonError(error)
  post({ failure: { code, message } })
}

/**
 * What counting use costs: `node bench/usage.ts`. Prints, run by run, nanoseconds a request: of counting in the tally alone, of all that an
 * answered request adds (who is at the other end of its connection is known), and of the first request of a connection; then the
 * milliseconds for which a flush holds up the serving thread, of as many clients as a usual ten seconds bring, and of as many as are kept.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createUseCounter } from '../src/http/count-use.ts'
import type { EndedRequest } from '../src/http/ended-request.ts'
import { digestOf } from '../src/model/digest.ts'
import { SqliteSnapshotStore } from '../src/snapshot/sqlite-snapshot-store.ts'
import type { Snapshot } from '../src/snapshot/store.ts'
import { UsageRecorder } from '../src/snapshot/usage/usage-recorder.ts'
import { MAX_NAMED } from '../src/snapshot/usage/usage-tally.ts'
import { parseNumbers, readArguments } from '../test/support/script-arguments.ts'

const RUNS = 5
const MIRRORS = 30
const CLIENTS = 64
const REQUESTS = 1_000_000
const CONNECTIONS = 100_000
const DNF = 'libdnf (Fedora Linux 43; generic; Linux.x86_64)'

/** A store of mirrors with a snapshot each. */
async function openStore(dir: string): Promise<{ store: SqliteSnapshotStore; snapshots: Snapshot[] }> {
  const store = new SqliteSnapshotStore(join(dir, 'pinyon.db'), () => join(dir, 'scratch'))
  const snapshots: Snapshot[] = []
  for (let index = 0; index < MIRRORS; index += 1) {
    const published = await store.publish({
      mirror: `mirror-${index}`,
      nowMs: Date.now(),
      packages: (async function* () {})(),
      complete: async (defects) => ({
        mirror: `mirror-${index}`,
        fingerprint: digestOf(String(index)),
        revision: undefined,
        files: [],
        defects,
        seen: { baseurl: 'http://u/', etag: undefined, lastModified: undefined, digest: digestOf('') },
      }),
    })
    snapshots.push(published.snapshot)
  }
  return { store, snapshots }
}

/** An ended exchange, as far as counting looks at it. */
function createEnded(snapshot: Snapshot, client: string): EndedRequest {
  const shown = {
    method: 'GET',
    target: '/',
    count: 1,
    id: undefined,
    headAt: undefined,
    endedAt: 0,
    status: 200,
    startedAt: 0,
    error: undefined,
    note: undefined,
  }
  const file = { snapshot, packageName: 'glibc', bytes: 2_000 }
  return { ...shown, client, userAgent: DNF, outcome: 'hit', ...file, connection: {} }
}

/** Nanoseconds for each of so many calls. */
function time(count: number, call: (index: number) => void): number {
  const startedAt = performance.now()
  for (let index = 0; index < count; index += 1) call(index)
  return ((performance.now() - startedAt) * 1e6) / count
}

async function timeFlush(
  recorder: UsageRecorder,
  snapshots: readonly Snapshot[],
  clients: number,
): Promise<number> {
  for (let index = 0; index < clients; index += 1) {
    const snapshot = snapshots[index % snapshots.length]
    const client = recorder.identify(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, DNF)
    if (snapshot !== undefined) recorder.record(snapshot, client, 2_000)
  }
  const startedAt = performance.now()
  await recorder.flush()
  return performance.now() - startedAt
}

async function run(recorder: UsageRecorder, snapshots: readonly Snapshot[]): Promise<string[]> {
  const client = recorder.identify('10.0.0.1', DNF)
  const tally = time(REQUESTS, (index) => {
    const snapshot = snapshots[index % MIRRORS]
    if (snapshot !== undefined) recorder.record(snapshot, client, 2_000)
  })
  const count = createUseCounter(recorder)
  const requests = snapshots.flatMap((snapshot) =>
    Array.from({ length: CLIENTS }, (_, index) => createEnded(snapshot, `10.0.1.${index}`)),
  )
  const whole = time(REQUESTS, (index) => {
    const ended = requests[index % requests.length]
    if (ended !== undefined) count(ended)
  })
  const [snapshot] = snapshots
  if (snapshot === undefined) return []
  const fresh = Array.from({ length: CONNECTIONS }, (_, index) =>
    createEnded(snapshot, `10.0.2.${index % CLIENTS}`),
  )
  const first = time(CONNECTIONS, (index) => {
    const ended = fresh[index]
    if (ended !== undefined) count(ended)
  })
  await recorder.flush()
  const usual = await timeFlush(recorder, snapshots, CLIENTS)
  const most = await timeFlush(recorder, snapshots, MAX_NAMED - 1)
  return [
    `${tally.toFixed(0)} ns`.padStart(9),
    `${whole.toFixed(0)} ns`.padStart(11),
    `${first.toFixed(0)} ns`.padStart(20),
    `${usual.toFixed(1)} ms`.padStart(17),
    `${most.toFixed(1)} ms`.padStart(19),
  ]
}

function fail(error: unknown): never {
  throw error
}

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'pinyon-bench-'))
  const { store, snapshots } = await openStore(dir)
  const recorder = new UsageRecorder({ store: store.usage, now: Date.now, onError: fail })
  process.stdout.write(
    `    tally   a request   a new connection   flush of ${CLIENTS}      flush of ${MAX_NAMED - 1}\n`,
  )
  for (let count = 0; count < RUNS; count += 1)
    process.stdout.write(`${(await run(recorder, snapshots)).join('')}\n`)
  await recorder.close()
  await store.close()
  rmSync(dir, { recursive: true })
}

readArguments(import.meta.filename, (args) => parseNumbers(args, 0))
await main()

/**
 * What a diff costs: `node bench/diff.ts [PACKAGES [MIRRORS [SNAPSHOTS]]]`, 10,000 packages in 42 snapshots of each of 30 mirrors unless
 * told. A hundred packages change from one to the next, and in one mirror all of them at last. Prints, of diffs asked from a running server:
 * how long each takes, how large its answer is, and the longest time for which the server's thread answered nothing.
 */
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

import { DEFAULT_CACHE, DEFAULT_RETENTION, NO_PREFETCH, ON_DEMAND } from '../test/support/config-defaults.ts'
import { App } from '../src/app/app.ts'
import type { Config, MirrorConfig } from '../src/config/config.ts'
import { createLayout } from '../src/cache/layout.ts'
import { digestOf } from '../src/model/digest.ts'
import type { PackageRecord } from '../src/model/repodata.ts'
import { SqliteSnapshotStore } from '../src/snapshot/sqlite-snapshot-store.ts'
import { createSilentLogger } from '../src/system/logger.ts'
import { watchThread } from './watch-thread.ts'
import { parseNumbers, readArguments } from '../test/support/script-arguments.ts'

const CHANGED = 100
/** Each of the three rounds compares other neighbours, and the newest is none of them. */
const LEAST_SNAPSHOTS = 5
const STARTED_AT = Date.UTC(2026, 0, 1)
const HOUR_MS = 3_600_000

/** A package of a snapshot: of every hundred another one has another version in each. `rebuilt` gives all of them another digest. */
function createPackage(packages: number, index: number, snapshot: number, rebuilt: boolean): PackageRecord {
  const group = Math.floor(packages / CHANGED)
  const version = Math.floor((snapshot + group - 1 - (index % group)) / group) + 1
  const name = `package-${index}`
  const href = `Packages/${name.slice(-1)}/${name}-${version}.${snapshot % 7}-1.el9.x86_64.rpm`
  const nevra = { name, epoch: '0', version: `${version}`, release: '1.el9', arch: 'x86_64' }
  const stable = href.replace(/\.\d-1/, '-1')
  return { ...nevra, href: stable, checksum: digestOf(`${stable} ${rebuilt}`), size: 50_000 + index }
}

async function* listPackages(packages: number, snapshot: number, rebuilt: boolean) {
  for (let at = 0; at < packages; at += 1_000)
    yield Array.from({ length: Math.min(1_000, packages - at) }, (_, index) =>
      createPackage(packages, at + index, snapshot, rebuilt),
    )
}

async function fill(dataDir: string, packages: number, mirrors: number, snapshots: number): Promise<void> {
  const layout = createLayout(dataDir)
  mkdirSync(layout.temporary, { recursive: true })
  const store = new SqliteSnapshotStore(layout.database, () => join(layout.temporary, 'scratch'))
  for (let snapshot = 0; snapshot < snapshots; snapshot += 1)
    for (let mirror = 0; mirror < mirrors; mirror += 1) {
      const nowMs = STARTED_AT + snapshot * HOUR_MS
      const rebuilt = mirror === 0 && snapshot === snapshots - 1
      const fingerprint = digestOf(`${mirror} ${snapshot}`)
      const { replaced } = await store.publish({
        mirror: `m${mirror}`,
        nowMs,
        packages: listPackages(packages, snapshot, rebuilt),
        complete: async () => ({
          mirror: `m${mirror}`,
          fingerprint,
          revision: undefined,
          files: [],
          defects: [],
          seen: { baseurl: 'file:///', etag: undefined, lastModified: undefined, digest: fingerprint },
        }),
      })
      if (rebuilt) process.stdout.write(`the last snapshot of m0 replaced ${replaced} in place\n`)
    }
  await store.close()
}

function createConfig(dataDir: string, mirrors: number): Config {
  const names = Array.from({ length: mirrors }, (_, index) => `m${index}`)
  const settings = {
    enabled: true,
    syncIntervalMs: 'off',
    timeoutMs: 1_000,
    retries: 0,
    strict: false,
    allowOlder: false,
    repoGpgcheck: false,
    ...ON_DEMAND,
  } as const
  const of = (name: string): [string, MirrorConfig] => [name, { name, baseurls: ['file:///'], ...settings }]
  const listen = { host: '127.0.0.1', port: 0 }
  const kept = { retention: DEFAULT_RETENTION, cache: DEFAULT_CACHE, ...NO_PREFETCH }
  return { file: '/', listen, dataDir, syncIntervalMs: 'off', ...kept, mirrors: new Map(names.map(of)) }
}

/** The client has a thread of its own: what it takes must not count. */
const CLIENT = `const { parentPort } = require('node:worker_threads')
parentPort.on('message', async (url) => {
  const startedAt = performance.now()
  const reply = await fetch(url)
  const bytes = (await reply.arrayBuffer()).byteLength
  parentPort.postMessage({ status: reply.status, bytes, ms: performance.now() - startedAt })
})`

interface Answer {
  readonly status: number
  readonly bytes: number
  readonly ms: number
}

async function measure(client: Worker, url: string, title: string): Promise<void> {
  const longestMs = watchThread()
  client.postMessage(url)
  const [{ status, bytes, ms }] = (await once(client, 'message')) as [Answer]
  const blockedMs = longestMs()
  if (status !== 200) throw new Error(`${url}: ${status}`)
  const columns = [
    title.padEnd(44),
    `${ms.toFixed(0)} ms`.padStart(8),
    `${(bytes / 1024).toFixed(0)} KiB`.padStart(10),
  ]
  process.stdout.write(`${columns.join('  ')}  ${blockedMs.toFixed(1).padStart(6)} ms\n`)
}

async function main(packages: number, mirrors: number, snapshots: number): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'pinyon-bench-'))
  try {
    await fill(dataDir, packages, mirrors, snapshots)
    const mib = statSync(createLayout(dataDir).database).size / 2 ** 20
    process.stdout.write(
      `${packages} packages, ${snapshots} snapshots, ${mirrors} mirrors: ${mib.toFixed(0)} MiB\n`,
    )
    const app = await App.open({ config: createConfig(dataDir, mirrors), log: createSilentLogger() })
    const url = `http://127.0.0.1:${await app.listen()}`
    const base = `${url}/api/v1/mirrors`
    const client = new Worker(CLIENT, { eval: true })
    const name = (snapshot: number) =>
      new Date(STARTED_AT + snapshot * HOUR_MS).toISOString().slice(0, 16).replace(/[T:]/g, '-')
    const last = snapshots - 1
    const other = `m${mirrors - 1}`
    process.stdout.write(`${''.padEnd(44)}  ${'time'.padStart(8)}  ${'answer'.padStart(10)}   blocked\n`)
    for (const round of [1, 2, 3]) {
      await measure(client, `${url}/healthz`, 'no diff at all')
      const from = last - 1 - round
      await measure(client, `${base}/${other}/diff?from=${name(from)}&to=${name(from + 1)}`, 'neighbours')
      await measure(
        client,
        `${base}/${other}/diff?from=${name(round - 1)}&to=${name(last)}`,
        'the oldest and the newest',
      )
      await measure(client, `${base}/m0/diff?from=${name(from)}&to=${name(last)}`, 'all packages replaced')
    }
    for (const title of ['asked for', 'asked for again'])
      await measure(client, `${base}/${other}/diff?from=${name(0)}&to=${name(last)}`, title)
    await client.terminate()
    await app.close()
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

const [packages = 10_000, mirrors = 30, snapshots = 42] = readArguments(import.meta.filename, (args) => {
  const numbers = parseNumbers(args, 3)
  if ((numbers[2] ?? LEAST_SNAPSHOTS) < LEAST_SNAPSHOTS)
    throw new Error(`it takes ${LEAST_SNAPSHOTS} snapshots at least: ${numbers[2]}`)
  return numbers
})
await main(packages, mirrors, snapshots)
